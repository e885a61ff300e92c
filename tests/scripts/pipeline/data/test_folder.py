import os
import unicodedata
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline.data import folder
from tests.scripts.pipeline.data.pictures import encoded, fill

COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")


def test_labels_are_the_class_folders_sorted_whatever_their_names(tmp_path):
    names = ["🐈", "кот", "a, b", 'the "x"', "10 ", "2", "yes", "a\nb"]
    assert folder.labels(fill(tmp_path, dict.fromkeys(names, 1))) == tuple(sorted(names))


def test_an_image_has_its_class_folders_label_at_any_depth_in_the_specs_order(tmp_path):
    fill(tmp_path, {"dog": 1, "cat/persian/white": 1})
    found = {sample.name: sample.label for sample in folder.listing(tmp_path, ("dog", "cat")).samples}
    assert found == {"cat/persian/white/0.png": 1, "dog/0.png": 0}


def test_a_sample_reads_the_files_own_bytes(tmp_path):
    fill(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "cat" / "0.png").write_bytes(b"anything")
    assert folder.listing(tmp_path, ("cat", "dog")).samples[0].read() == b"anything"


def test_hidden_files_and_folders_are_not_there(tmp_path):
    fill(tmp_path, {"cat": 1, "dog": 1, ".git": 1, "cat/.thumbnails": 1, "__MACOSX": 0})
    (tmp_path / "cat" / "._0.png").write_bytes(b"")
    (tmp_path / "__MACOSX" / "._cat").write_bytes(b"")
    assert folder.labels(tmp_path) == ("cat", "dog")
    found = folder.listing(tmp_path, ("cat", "dog"))
    assert [sample.name for sample in found.samples] == ["cat/0.png", "dog/0.png"]
    assert found.left_out == ()


def test_files_outside_the_classes_are_left_out(tmp_path):
    fill(tmp_path, {"cat": 1, "dog": 1, "owl": 1})
    (tmp_path / "README.txt").write_text("pets")
    left_out = {one.file: one.sentence for one in folder.listing(tmp_path, ("cat", "dog")).left_out}
    assert left_out == {"README.txt": "in no class folder", "owl/0.png": "no label of the spec: 'owl'"}


def test_what_is_still_unlabelled_is_no_class_and_does_no_harm(tmp_path):
    fill(tmp_path, {"cat": 1, "dog": 1, "owl": 0, "unlabelled": 1, "unlabelled/monday": 1})
    assert folder.labels(tmp_path) == ("cat", "dog")
    found = folder.listing(tmp_path, ("cat", "dog"))
    assert [sample.name for sample in found.samples] == ["cat/0.png", "dog/0.png"]
    assert {one.sentence for one in found.left_out} == {"still unlabelled"}
    assert len(found.left_out) == 2


def test_a_spec_that_has_a_label_of_that_name_keeps_it(tmp_path):
    fill(tmp_path, {"cat": 1, "unlabelled": 1})
    assert len(folder.listing(tmp_path, ("cat", "unlabelled")).samples) == 2


def test_a_folder_in_which_nothing_is_labelled_yet_says_what_to_do(tmp_path):
    fill(tmp_path, {"cat": 0, "dog": 0, "unlabelled": 2})
    with pytest.raises(UserError, match="needs two: <class>/<image>; move images out of 'unlabelled' into folders of"):
        folder.labels(tmp_path)


def test_both_spellings_of_an_accent_are_one_label_and_names_stay_as_on_disk(tmp_path):
    fill(tmp_path, {COMPOSED: 1, DECOMPOSED: 1, "dog": 1})
    assert folder.labels(tmp_path) == ("dog", COMPOSED)
    for spelling in (COMPOSED, DECOMPOSED):
        found = folder.listing(tmp_path, ("dog", spelling)).samples
        assert {(sample.name, sample.label) for sample in found} == {
            ("dog/0.png", 0),
            (f"{COMPOSED}/0.png", 1),
            (f"{DECOMPOSED}/0.png", 1),
        }


def test_a_name_that_is_no_unicode_is_left_out_and_can_be_shown(tmp_path):
    fill(tmp_path, {"cat": 1, "dog": 1})
    try:
        Path(os.fsdecode(bytes(tmp_path / "cat") + b"/caf\xe9.png")).write_bytes(encoded(5))
    except OSError:
        pytest.skip("this file system has Unicode names only")
    (one,) = folder.listing(tmp_path, ("cat", "dog")).left_out
    assert one.file == r"cat/caf\udce9.png"
    assert one.reason == "a name that is not UTF-8"


def test_a_linked_class_folder_is_followed_and_a_circle_is_not(tmp_path):
    data = fill(tmp_path / "data", {"cat": 1, "dog": 1})
    fill(tmp_path / "elsewhere", {"owl": 1})
    (data / "owl").symlink_to(tmp_path / "elsewhere" / "owl")
    (data / "cat" / "up").symlink_to(data)
    assert folder.labels(data) == ("cat", "dog", "owl")
    names = [sample.name for sample in folder.listing(data, ("cat", "dog", "owl")).samples]
    assert names == ["cat/0.png", "dog/0.png", "owl/0.png"]


def test_a_link_to_itself_is_left_out(tmp_path):
    data = fill(tmp_path, {"cat": 1, "dog": 1})
    for name in ("loop", "cat/loop"):
        (data / name).symlink_to(data / name)
    found = folder.listing(data, folder.labels(data))
    assert [sample.name for sample in found.samples] == ["cat/0.png", "dog/0.png"]
    assert {(one.file, one.reason) for one in found.left_out} == {
        ("loop", "can't be read"),
        ("cat/loop", "can't be read"),
    }


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Return the folders that may not be read, as far as this test goes: an administrator may read all."""
    paths: set[Path] = set()
    scandir = os.scandir

    def ask(path: Path) -> object:
        if Path(path) in paths:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", ask)
    return paths


def test_folders_that_may_not_be_read_are_left_out_as_a_whole(tmp_path, closed):
    data = fill(tmp_path, {"cat": 1, "cat/private": 1, "dog": 1, "lost+found": 1})
    closed |= {data / "cat" / "private", data / "lost+found"}
    assert folder.labels(data) == ("cat", "dog")
    found = folder.listing(data, ("cat", "dog"))
    assert [sample.name for sample in found.samples] == ["cat/0.png", "dog/0.png"]
    assert {one.file: one.sentence for one in found.left_out} == {
        "cat/private": "can't be read: Permission denied",
        "lost+found": "can't be read: Permission denied",
    }


def test_classes_that_may_not_be_read_are_named_where_they_are_missed(tmp_path, closed):
    data = fill(tmp_path, {"cat": 1, "dog": 1})
    closed.add(data / "dog")
    with pytest.raises(
        UserError, match=r"class folder 'cat' \(dog: can't be read: Permission denied\), and a classifier"
    ):
        folder.labels(data)


def test_data_that_may_not_be_read_at_all_is_one_sentence(tmp_path, closed):
    closed.add(tmp_path)
    with pytest.raises(UserError, match=r"can't be read \(Permission denied\); allow it, or move it away"):
        folder.labels(tmp_path)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({}, "no folder with a file in it, and a classifier needs two: <class>/<image>$"),
        ({"pets": 1}, r"only the class folder 'pets'.*if the classes lie in there, name .*/pets$"),
        ({"train": 1, "test": 1}, r"its folders are parts \(test, train\), not classes; name one"),
        ({"Training": 1, "Validation": 1}, "are parts"),
    ],
)
def test_a_folder_without_two_classes_is_one_sentence(tmp_path, classes, message):
    with pytest.raises(UserError, match=message):
        folder.labels(fill(tmp_path, classes))


def test_a_missing_folder_is_one_sentence():
    with pytest.raises(UserError, match="nowhere: no such folder; put the images back"):
        folder.listing(Path("nowhere"), ("cat", "dog"))
