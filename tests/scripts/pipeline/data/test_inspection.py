import os
from pathlib import Path

import pytest
from PIL import Image

from scripts.pipeline.data import files, folder
from scripts.pipeline.data.inspection import Inspection, inspect
from scripts.pipeline.data.listing import read_left_out, write_left_out
from tests.scripts.pipeline.data.pictures import encoded, nothing, picture


def inspected(
    data: Path, labels: tuple[str, ...] = ("cat", "dog"), trusted: frozenset[str] = frozenset()
) -> Inspection:
    return inspect(folder.listing(data, ("cat", "dog")).samples, nothing, trusted)


def reasons(found: Inspection) -> dict[str, str]:
    return {one.file: one.sentence for one in found.left_out}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
    return tmp_path


def test_every_format_that_is_served_is_good_whatever_its_ending(data):
    for seed, format_ in enumerate(["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"]):
        (data / "cat" / f"{format_}.xyz").write_bytes(encoded(seed, format_))
    (data / "cat" / "cmyk.jpg").write_bytes(encoded(10, "JPEG", "CMYK"))
    (data / "cat" / "grey.png").write_bytes(encoded(11, "PNG", "L"))
    (data / "cat" / "png.jpg").write_bytes(encoded(12, "PNG"))
    found = inspected(data)
    assert reasons(found) == {}
    assert len(found.good) == 9


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"these are words", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (encoded(1, "JPEG")[:-100], "unreadable: the image ends before its pixels do"),
        (encoded(1, "PNG")[:-30], "unreadable: the image ends before its pixels do"),
        (encoded(1, "PPM"), "unsupported format: PPM"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported format: HEIC"),
    ],
)
def test_what_cant_be_decoded_is_left_out_and_the_others_are_kept(data, content, reason):
    (data / "cat" / "bad.jpg").write_bytes(content)
    (data / "cat" / "good.jpg").write_bytes(encoded(2, "JPEG"))
    found = inspected(data)
    assert [sample.name for sample in found.good] == ["cat/good.jpg"]
    assert list(reasons(found)) == ["cat/bad.jpg"]
    assert reasons(found)["cat/bad.jpg"].startswith(reason)


def test_floating_point_samples_are_left_out_as_such(data):
    Image.new("F", (8, 8)).save(data / "cat" / "depth.tiff")
    assert reasons(inspected(data)) == {
        "cat/depth.tiff": "unsupported format: TIFF with 32-bit or floating-point samples"
    }


def test_more_than_a_hundred_megapixels_are_left_out(data):
    Image.new("1", (10_001, 10_000)).save(data / "cat" / "map.png")
    Image.new("1", (20_000, 20_000)).save(data / "cat" / "bomb.png")
    assert reasons(inspected(data)) == dict.fromkeys(["cat/bomb.png", "cat/map.png"], "too large: over 100 megapixels")


def test_a_film_in_the_folder_is_not_read_into_memory(data, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 100)
    (data / "cat" / "film.mov").write_bytes(b"0" * 101)
    assert reasons(inspected(data))["cat/film.mov"].startswith("too large: over")


def test_links_to_nowhere_and_pipes_are_left_out(data):
    (data / "cat" / "link.png").symlink_to(data / "nowhere.png")
    os.mkfifo(data / "cat" / "pipe.png")
    assert reasons(inspected(data)) == {
        "cat/link.png": "no such file",
        "cat/pipe.png": "can't be read: not a regular file",
    }


def test_of_equal_files_with_one_label_the_first_is_kept(data):
    for name in ("b.png", "a.png", "c.jpg"):
        (data / "cat" / name).write_bytes(encoded(1))
    found = inspected(data)
    assert [sample.name for sample in found.good] == ["cat/a.png"]
    assert reasons(found) == dict.fromkeys(["cat/b.png", "cat/c.jpg"], "duplicate: of cat/a.png")


def test_an_image_under_two_labels_is_left_out_under_both(data):
    for name in ("cat/a.png", "cat/b.png", "dog/c.png"):
        (data / name).write_bytes(encoded(1))
    (data / "dog" / "own.png").write_bytes(encoded(2))
    found = inspected(data)
    assert [sample.name for sample in found.good] == ["dog/own.png"]
    assert reasons(found) == {
        "cat/a.png": "contradiction: the same image as dog/c.png, which is labelled differently",
        "cat/b.png": "contradiction: the same image as dog/c.png, which is labelled differently",
        "dog/c.png": "contradiction: the same image as cat/a.png, which is labelled differently",
    }


def test_an_image_that_is_used_already_stays_and_its_copies_are_left_out(data):
    for name in ("cat/a.png", "cat/b.png", "dog/c.png"):
        (data / name).write_bytes(encoded(1))
    found = inspected(data, trusted=frozenset({"cat/b.png"}))
    assert [sample.name for sample in found.good] == ["cat/b.png"]
    assert set(reasons(found)) == {"cat/a.png", "dog/c.png"}


def test_of_equal_files_the_one_that_is_used_already_is_kept_though_another_comes_first(data):
    for name in ("cat/a.png", "cat/b.png"):
        (data / name).write_bytes(encoded(1))
    assert reasons(inspected(data, trusted=frozenset({"cat/b.png"}))) == {"cat/a.png": "duplicate: of cat/b.png"}


def test_the_longest_side_is_that_of_the_good_images(data):
    picture(1, 30, 50).save(data / "cat" / "a.png")
    (data / "cat" / "b.png").write_bytes(encoded(2))
    assert inspected(data).longest_side == 50


def test_progress_ends_with_all_images(data):
    for number in range(5):
        (data / "dog" / f"{number}.png").write_bytes(encoded(number))
    ticks: list[tuple[int, int]] = []
    inspect(folder.listing(data, ("cat", "dog")).samples, lambda *tick: ticks.append(tick))
    assert ticks == [(number, 5) for number in range(1, 6)]


def test_the_list_of_what_was_left_out_keeps_any_name(data):
    names = {"cat/a, b.png", 'cat/"c".png', "cat/d\ne.png", "cat/ f .png", "cat/ж🐈.png"}
    for name in names:
        (data / name).write_bytes(b"words")
    write_left_out(inspected(data).left_out, data)
    assert read_left_out(data) == names
    assert (data / "left_out.csv").read_text().startswith("file,reason\n")
