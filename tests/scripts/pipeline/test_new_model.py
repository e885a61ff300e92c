import csv
import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from scripts.errors import UserError
from scripts.pipeline import new_model
from scripts.pipeline.data.sources import samples
from scripts.pipeline.data.split import read_split
from scripts.pipeline.images import calibration, labelled
from scripts.pipeline.new_model import create, locate
from scripts.pipeline.new_spec import quoted
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Elpv, Folder, Named, Table
from scripts.split_data import main as split_data
from tests.scripts.pipeline.data.pictures import encoded, fill, nothing, picture
from tests.scripts.pipeline.data.test_named import CIFAR_LABELS, cifar, cifar_folder

__all__ = ["cifar", "cifar_folder"]  # Fixtures.

CLASSES = {"кот 🐈": 16, 'the "x", y': 8, "a\nb": 8}


@pytest.fixture(autouse=True)
def _from_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_model, "available_start", lambda _architecture: ("IMAGENET1K_V1", ""))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos", CLASSES)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return tmp_path / "models" / "pets"


def test_a_folder_becomes_a_model_whose_every_part_can_be_read(data, pets):
    created = create(pets, str(data), nothing)
    assert created.is_new
    assert created.spec == Spec.load(pets)
    assert created.spec.name == "pets"
    assert created.spec.labels == tuple(sorted(CLASSES))
    assert created.spec.data == Folder(source="folder", folder=data.as_posix(), split="split.csv")
    assert created.images == "20 train, 4 val, 8 test"
    test = labelled(created.spec, "test")
    assert test.images.shape == (8, 3, 96, 96)
    assert Counter(test.labels.tolist()) == {0: 2, 1: 2, 2: 4}
    assert len(calibration(created.spec).labels) == 20 < created.spec.calibration.images


def test_what_is_left_out_is_listed_counted_and_in_no_part(data, pets):
    (data / "a\nb" / "broken.jpg").write_bytes(encoded(99, "JPEG")[:-100])
    (data / "a\nb" / "words.png").write_text("words")
    (data / "a\nb" / "more words.png").write_text("more words")
    (data / "copy.png").write_bytes(encoded(0))
    summary = create(pets, str(data), nothing).summary().splitlines()
    assert summary[1] == f"left out, in {pets / 'left_out.csv'}: 2 not an image, 1 in no class folder, 1 unreadable"
    assert summary[2].startswith(r"  'a\nb/broken.jpg': unreadable: the image ends before its pixels do")
    assert len(summary) == 2 + 3 + 1
    assert summary[-1].strip() == "…"
    with (pets / "left_out.csv").open(newline="") as file:
        listed = {row["file"]: row["reason"] for row in csv.DictReader(file)}
    assert listed.keys() == {"a\nb/broken.jpg", "a\nb/words.png", "a\nb/more words.png", "copy.png"}
    assert not listed.keys() & read_split(pets / "split.csv").keys()


def test_the_gate_allows_a_single_image_of_a_small_test_part_and_one_percent_of_a_large_one(data, pets, tmp_path):
    small = create(pets, str(data), nothing).spec.gate
    assert (small.min_accuracy, small.max_drop, small.min_agreement) == (0.3333, 0.125, 0.875)
    fill(tmp_path / "many", {"cat": 260, "dog": 260})
    large = create(tmp_path / "models" / "many", str(tmp_path / "many"), nothing).spec.gate
    assert (large.min_accuracy, large.max_drop, large.min_agreement) == (0.5, 0.01, 0.99)


def test_images_larger_than_ninety_six_pixels_are_seen_at_the_usual_size(data, pets):
    picture(1, 97, 20).save(data / "a\nb" / "0.png")
    assert create(pets, str(data), nothing).spec.preprocessing.crop == 224


def test_a_table_becomes_a_model(pets, tmp_path):
    fill(tmp_path / "photos", {"all": 16})
    targets = ["0.9,0.1"] * 8 + ["0.2,0.8"] * 8
    rows = [f"photos/all/{number}.png,{target}\n" for number, target in enumerate(targets)]
    table = tmp_path / "pets.csv"
    table.write_text("path,x,y\n" + "".join(rows))
    spec = create(pets, str(table), nothing).spec
    assert spec.data == Table(source="table", table=table.as_posix(), split="split.csv")
    assert {sample.target for sample in samples(spec, "test")} == {(0.9, 0.1), (0.2, 0.8)}


def test_a_table_whose_column_part_leaves_a_label_untested_makes_no_model(pets, tmp_path):
    fill(tmp_path / "photos", {"all": 16})
    parts = ["train"] * 4 + ["val"] * 2 + ["test"] * 2 + ["train"] * 6 + ["val"] * 2
    rows = [f"photos/all/{number}.png,{'xy'[number > 7]},{part}\n" for number, part in enumerate(parts)]
    (tmp_path / "pets.csv").write_text("path,label,part\n" + "".join(rows))
    with pytest.raises(UserError, match=r"pets\.csv: of the usable images 'y' has 0 in test and needs 1; give that"):
        create(pets, str(tmp_path / "pets.csv"), nothing)
    assert not (pets / "split.csv").exists()


def test_cifar10_becomes_a_model_with_torchvisions_test_part(cifar_folder, pets, monkeypatch):
    monkeypatch.setattr(new_model, "NAMED_FOLDER", str(cifar_folder))
    created = create(pets, "cifar10", nothing)
    assert created.spec.labels == CIFAR_LABELS
    assert created.images == "40 train, 10 val, 10 test"
    assert {sample.name[:5] for sample in samples(created.spec, "test")} == {"test/"}
    assert labelled(created.spec, "val").images.shape == (10, 3, 96, 96)


def test_a_model_that_exists_is_left_as_it_is_and_new_files_are_counted(data, pets):
    (data / "a\nb" / "words.png").write_text("words")
    create(pets, str(data), nothing)
    before = {path.name: path.read_bytes() for path in pets.iterdir()}
    fill(data, {"a\nb": 3}, start=300)
    again = create(pets, f"{data}/../photos", nothing)
    assert not again.is_new
    assert again.undealt == 3
    assert "3 files were added" in again.summary()
    assert "`.venv/bin/python -m scripts.split_data --model pets`" in again.summary()
    assert {path.name: path.read_bytes() for path in pets.iterdir()} == before


def test_too_few_images_for_int8_are_told_before_the_training(tmp_path):
    few = create(tmp_path / "few", str(fill(tmp_path / "photos", {"cat": 4, "dog": 4})), nothing)
    assert "enough for float32 only: int8 needs 8 train images" in few.summary()
    enough = create(tmp_path / "enough", str(fill(tmp_path / "more", {"cat": 7, "dog": 7})), nothing)
    assert "float32 only" not in enough.summary()


def test_a_model_that_has_other_data_is_refused(data, pets, tmp_path):
    create(pets, str(data), nothing)
    other = fill(tmp_path / "other", {"cat": 4, "dog": 4})
    with pytest.raises(UserError, match=r"spec\.yaml has other data than DATA=.*other; edit its `data`, choose"):
        create(pets, str(other), nothing)


def test_a_name_that_another_model_is_served_under_is_refused_before_anything_is_written(data, pets):
    create(pets, str(data), nothing)
    pets.rename(pets.with_name("animals"))
    with pytest.raises(UserError, match=r"MODEL=pets: .*models/animals is served under that name .*another MODEL$"):
        create(pets, str(data), nothing)
    assert not pets.exists()


def test_split_data_deals_new_files_out_and_moves_none(data, pets, monkeypatch, capsys):
    create(pets, str(data), nothing)
    before = read_split(pets / "split.csv")
    fill(data, {"кот 🐈": 16}, start=300)
    (data / "кот 🐈" / "copy.png").write_bytes(encoded(0))
    monkeypatch.setattr("scripts.split_data.MODELS", pets.parent)
    split_data("pets", 1, False)
    after = read_split(pets / "split.csv")
    assert {name: after[name] for name in before} == before
    assert Counter(after.values()) - Counter(before.values()) == {"train": 10, "val": 2, "test": 4}
    assert "16 of them new" in capsys.readouterr().out
    assert "кот 🐈/copy.png" in (pets / "left_out.csv").read_text()


def test_train_and_val_are_dealt_anew_beside_the_same_test_part(data, pets, monkeypatch):
    create(pets, str(data), nothing)
    before = read_split(pets / "split.csv")
    monkeypatch.setattr("scripts.split_data.MODELS", pets.parent)
    split_data("pets", 5, keep_test=True)
    after = read_split(pets / "split.csv")
    assert Counter(after.values()) == Counter(before.values())
    assert {name for name in after if after[name] == "test"} == {name for name in before if before[name] == "test"}
    assert after != before


def test_a_split_that_is_another_models_is_not_dealt_anew(data, pets, monkeypatch):
    create(pets, str(data), nothing)
    before = (pets / "split.csv").read_text()
    other = pets.parent / "pets_seed_2"
    other.mkdir()
    (other / "spec.yaml").write_text("like: pets\nname: pets_seed_2\n")
    monkeypatch.setattr("scripts.split_data.MODELS", pets.parent)
    with pytest.raises(
        UserError, match=r"pets_seed_2.spec\.yaml: its split is that of .*pets, whose checkpoint learned"
    ):
        split_data("pets_seed_2", 5, keep_test=True)
    assert (pets / "split.csv").read_text() == before


def test_split_data_says_the_same_as_one_object(data, pets, monkeypatch, capsys):
    create(pets, str(data), nothing)
    fill(data, {"кот 🐈": 16}, start=300)
    (data / "кот 🐈" / "words.png").write_text("words")
    monkeypatch.setattr("scripts.split_data.MODELS", pets.parent)
    split_data("pets", 1, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "split": str(pets / "split.csv"),
        "images": {"train": 30, "val": 6, "test": 12},
        "new": 16,
        "left_out": 1,
    }


def test_a_file_that_is_gone_is_named_with_the_command_that_forgets_it(data, pets, monkeypatch):
    spec = create(pets, str(data), nothing).spec
    (data / "кот 🐈" / "0.png").unlink()
    with pytest.raises(
        UserError, match=r"0\.png is not in the data.*`\.venv/bin/python -m scripts\.split_data --model pets --f"
    ):
        samples(spec, "train")
    monkeypatch.setattr("scripts.split_data.MODELS", pets.parent)
    split_data("pets", 1, True)
    assert sum(len(samples(spec, part)) for part in ("train", "val", "test")) == 31


def test_too_few_images_make_no_model_but_a_list_of_what_was_left_out(data, pets):
    for path in sorted((data / "a\nb").iterdir())[:5]:
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"'a\\nb' has 3 of .* usable images \(left out, in .*: 5 empty\); every label"):
        create(pets, str(data), nothing)
    assert (pets / "left_out.csv").is_file()
    assert not (pets / "spec.yaml").exists()


@pytest.mark.parametrize("name", ["2024", "true", "null", "1_000", "0x10", "1e5"])
def test_a_name_that_yaml_would_take_for_something_else_is_a_name_to_the_spec_and_to_make(name, data, tmp_path):
    assert create(tmp_path / "models" / name, str(data), nothing).spec.name == name
    # In a folder of another name, which NAME would fall back to.
    (tmp_path / "models" / name).rename(tmp_path / "models" / "pets")
    print_name = ["--eval", "print-name:;@echo $(SERVED)", "print-name", "MODEL=pets"]
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", str(Path("Makefile").absolute()), *print_name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == name


@pytest.mark.parametrize("name", ["my-pets", "кот", "a b", "."])
def test_a_name_that_cant_be_served_is_refused(name):
    with pytest.raises(UserError, match="letters, digits and underscores"):
        create(Path(name), "photos", nothing)


def test_a_path_that_exists_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate("mnist") == Named(source="mnist", folder="runs/data", split="split.csv")
    (tmp_path / "mnist").mkdir()
    assert locate("mnist") == Folder(source="folder", folder="mnist", split="split.csv")


def test_elpv_is_the_data_of_the_model_that_exists():
    created = create(Path("models/elpv"), "elpv", nothing)
    assert (created.is_new, created.undealt) == (False, 0)


def test_elpv_becomes_a_model_with_the_committed_split_labels_and_licence(pets):
    committed, spec = Spec.load(Path("models/elpv")), create(pets, "elpv", nothing).spec
    assert spec.data == Elpv(source="elpv", split="split.csv")
    assert (pets / "split.csv").read_bytes() == committed.split_path.read_bytes()
    assert (spec.labels, spec.license) == (committed.labels, committed.license)
    assert (spec.recipe.augmentation.turns, spec.preprocessing.crop) == ("dihedral", 224)
    assert not (pets / "left_out.csv").exists()
    assert not create(pets, "elpv", nothing).is_new


def test_a_licence_that_the_weights_to_start_from_share_is_said_once(pets, monkeypatch):
    monkeypatch.setattr(new_model, "available_start", lambda _: ("models/elpv/checkpoint.safetensors", "no network"))
    assert create(pets, "elpv", nothing).spec.license == Spec.load(Path("models/elpv")).license


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("cifar100", r"no such folder or table, and none of the names cifar10, mnist, elpv"),
        ("README.md", r"neither a folder nor a \.csv table"),
        ("~nosuchuser/photos", "~nosuchuser is nobody's home; write the path out"),
        ("x" * 5000, r"can't be looked at \(File name too long\); name another"),
    ],
)
def test_data_that_is_nothing_is_one_sentence(data, message):
    with pytest.raises(UserError, match=message):
        locate(data)


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("\x85\u2028\x7f\ufeff\ud7ff\ue000\U0010ffff👩‍👩‍👧")
@example("yes: no # - \\ \"'")
def test_any_text_in_the_spec_is_read_as_it_was(text):
    assert YAML(typ="safe").load(f"label: {quoted(text)}\n") == {"label": text}
