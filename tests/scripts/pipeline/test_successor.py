import os
import shutil
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline import new_model
from scripts.pipeline.data.listing import read_left_out
from scripts.pipeline.lineage import archive_command, root
from scripts.pipeline.network import build_network, save_checkpoint
from scripts.pipeline.new_model import create
from scripts.pipeline.preparation import prepare
from scripts.pipeline.provenance import header, learned
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.successor import successor, write
from scripts.split_data import main as split_data
from tests.scripts.pipeline.data.pictures import fill, nothing
from tests.scripts.pipeline.data.test_named import cifar, cifar_folder

__all__ = ["cifar", "cifar_folder"]  # Fixtures.


@pytest.fixture(autouse=True)
def _from_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_model, "available_start", lambda _architecture: ("IMAGENET1K_V1", ""))


def trained(folder: Path, data: str) -> Spec:
    """A model of `data` with a checkpoint, as if it had been trained."""
    spec = create(folder, data, nothing).spec
    checkpoint(spec)
    return spec


def checkpoint(spec: Spec) -> None:
    weights = build_network(spec.architecture, len(spec.labels)).state_dict()
    save_checkpoint(weights, spec.checkpoint_path, header(spec))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """With `pets`, a model of eight cats and eight dogs."""
    photos = fill(tmp_path / "photos", {"cat": 8, "dog": 8})
    trained(tmp_path / "models" / "pets", str(photos))
    return tmp_path / "models"


@pytest.fixture
def harvest(tmp_path: Path) -> str:
    return str(fill(tmp_path / "harvest", {"cat": 2, "dog": 1, "unlabelled": 3}, start=100))


def test_it_has_the_labels_preprocessing_gate_data_and_split_of_the_other_and_starts_from_its_weights(models, harvest):
    pets = Spec.load(models / "pets")
    spec = prepare(models / "pets_2", harvest, "pets", nothing).spec
    same = ("labels", "preprocessing", "architecture", "gate", "calibration", "license", "description")
    assert all(getattr(spec, key) == getattr(pets, key) for key in same)
    assert spec.name == "pets_2"
    assert spec.data == pets.data.model_copy(update={"split": "../pets/split.csv", "also": (harvest,)})
    assert spec.split_path == pets.split_path
    assert spec.recipe.start == str(pets.checkpoint_path)


def test_it_is_trained_with_all_its_layers_and_no_teacher(tmp_path, harvest):
    models = Path(shutil.copytree(MODELS, tmp_path / "models", dirs_exist_ok=True))
    elpv = Spec.load(models / "elpv")
    recipe = successor(models / "elpv_2", harvest, "elpv").recipe
    assert elpv.recipe.teacher == "elpv_teacher"
    assert recipe.teacher is None
    assert [(phase.trains, phase.loss.teacher, phase.loss.maps) for phase in recipe.phases] == [("all", 0, 0)]
    assert (recipe.side, recipe.augmentation) == (elpv.recipe.side, elpv.recipe.augmentation)


@pytest.mark.parametrize("source", ["elpv", "folder", "table", "cifar10"])
def test_its_spec_is_read_as_it_was_meant_whatever_the_data_is(source, tmp_path, models, cifar_folder, monkeypatch):
    monkeypatch.setattr(new_model, "NAMED_FOLDER", str(cifar_folder))
    table = tmp_path / "pets.csv"
    rows = [f"photos/{label}/{n}.png,{label} é\n" for label in ("cat", "dog") for n in range(8)]
    table.write_text("path,label\n" + "".join(rows))
    data = {"folder": str(tmp_path / "photos"), "table": str(table)}.get(source, source)
    labels = trained(models / "base", data).labels
    more = str(fill(tmp_path / 'mo\nre "é" 🐈', {labels[1]: 1}, start=700))
    meant = successor(models / "base_2", more, "base")
    assert prepare(models / "base_2", more, "base", nothing).spec == meant
    assert Spec.load(models / "base_2") == meant


def test_the_split_is_not_touched_and_the_checkpoint_is_taken_for_the_first_model(models, harvest):
    pets = Spec.load(models / "pets")
    before = pets.split_path.read_bytes()
    found = prepare(models / "pets_2", harvest, "pets", nothing)
    save_checkpoint({}, found.spec.checkpoint_path, header(found.spec, found.extra.record(found.spec.labels)))
    assert pets.split_path.read_bytes() == before
    assert not (models / "pets_2" / "split.csv").exists()
    facts = learned(pets, found.spec.checkpoint_path)
    assert [(one["folder"], one["images"]) for one in facts["also"]] == [(harvest, {"cat": 2, "dog": 1})]
    assert "note" not in facts


def test_what_it_says_names_the_images_and_those_that_still_wait(models, harvest):
    said = prepare(models / "pets_2", harvest, "pets", nothing).summary.splitlines()
    assert said == [
        f"{models / 'pets_2' / 'spec.yaml'}: 10 train, 2 val, 4 test (those of {models / 'pets' / 'split.csv'})",
        f"{harvest}: 3 images to learn from (2 cat, 1 dog)",
        f"left out, in {models / 'pets_2' / 'left_out.csv'}: 3 still unlabelled",
    ]


def test_given_again_it_takes_up_new_images_and_changes_nothing_else(models, harvest):
    prepare(models / "pets_2", harvest, "pets", nothing)
    text = (models / "pets_2" / "spec.yaml").read_bytes()
    fill(Path(harvest), {"dog": 1}, start=200)
    again = prepare(models / "pets_2", harvest, "pets", nothing)
    assert again.created is None
    assert len(again.extra.samples) == 4
    assert (models / "pets_2" / "spec.yaml").read_bytes() == text
    assert len(prepare(models / "pets_2", "", "", nothing).extra.samples) == 4


def test_a_third_generation_keeps_data_and_folders_and_names_the_first_model(models, harvest, tmp_path):
    checkpoint(prepare(models / "pets_2", harvest, "pets", nothing).spec)
    same = prepare(models / "pets_3", os.path.relpath(harvest), "pets_2", nothing).spec
    assert same.data == Spec.load(models / "pets_2").data
    more = str(fill(tmp_path / "more", {"dog": 1}, start=300))
    other = prepare(models / "pets_4", more, "pets_2", nothing).spec
    assert other.data.also == (harvest, more)
    assert other.recipe.start == str(models / "pets_2" / "checkpoint.safetensors")
    assert root(other).folder == models / "pets"


def test_the_next_command_makes_a_version_of_the_first_model_that_is_not_there_yet(models, harvest, tmp_path):
    spec = prepare(models / "pets_2", harvest, "pets", nothing).spec
    command = f"PRECISION=int8 CHECKPOINT={spec.checkpoint_path}"
    assert archive_command(spec, tmp_path) == f"make archive MODEL=pets VERSION=3.0 {command}"
    (tmp_path / "pets-3.0.mar").touch()
    assert archive_command(spec, tmp_path) == f"make archive MODEL=pets VERSION=4.0 {command}"
    pets = Spec.load(models / "pets")
    assert archive_command(pets, tmp_path) == "make archive MODEL=pets VERSION=1.0 PRECISION=float32"


def test_a_model_that_only_began_from_anothers_weights_is_no_version_of_it(models, harvest, tmp_path):
    start = models / "pets" / "checkpoint.safetensors"
    cats = trained(models / "cats", str(fill(tmp_path / "cats", {"cat": 4, "dog": 4}, start=800)))
    path = cats.folder / "spec.yaml"
    text = path.read_text().replace("  start: IMAGENET1K_V1", f"  start: {start}")
    path.write_text(text.replace("  split: split.csv", f"  split: split.csv\n  also: [{harvest}]"))
    assert Spec.load(cats.folder).recipe.start == str(start)
    command = archive_command(Spec.load(cats.folder), tmp_path)
    assert command == "make archive MODEL=cats VERSION=1.0 PRECISION=float32"


def test_two_specs_that_start_from_each_other_end_somewhere(models, harvest):
    spec = prepare(models / "pets_2", harvest, "pets", nothing).spec
    starts = spec.recipe.model_copy(update={"start": str(spec.checkpoint_path)})
    write(spec.model_copy(update={"folder": models / "pets_5", "name": "pets_5", "training": starts}), "pets", harvest)
    path = models / "pets_2" / "spec.yaml"
    path.write_text(path.read_text().replace(str(models / "pets" / "c"), str(models / "pets_5" / "c")))
    assert root(Spec.load(path.parent)).folder in {models / "pets_2", models / "pets_5"}


def test_what_its_data_left_out_stays_listed_where_also_was_written_by_hand(models, harvest):
    (models / "pets" / "left_out.csv").write_text("file,reason\ncat/old.png,empty\n")
    path = models / "pets" / "spec.yaml"
    path.write_text(path.read_text().replace("  split: split.csv", f"  split: split.csv\n  also: [{harvest}]"))
    prepare(models / "pets", "", "", nothing)
    prepare(models / "pets", "", "", nothing)
    assert len(read_left_out(models / "pets")) == 1 + 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pets_2", "", "pets"), r"FROM=pets needs the images to go on with: DATA=<folder>"),
        (("pets_2", "harvest", "nobody"), r"models/nobody/spec\.yaml: no such spec; the models here are: pets"),
        (("pets_2", "harvest", "models/pets"), r"FROM=models/pets: a model's name has only letters"),
        (("pets-2", "harvest", "pets"), r"MODEL=pets-2: a model's name has only letters"),
        (("pets", "harvest", "pets"), r"FROM=pets: a model can't go on from itself; choose another .*such as pets_2$"),
        (("pets_2", "pets.csv", "pets"), r"DATA=.*pets\.csv: with FROM=pets it has to be a folder <label>/<image>"),
        (("pets_2", "nothing", "pets"), r"DATA=.*nothing: no such folder"),
    ],
)
def test_words_that_dont_fit_are_one_sentence_and_nothing_is_made(words, message, models, harvest, tmp_path):
    (tmp_path / "pets.csv").touch()
    before = sorted(models.rglob("*"))
    model, data, origin = words
    with pytest.raises(UserError, match=message):
        prepare(models / model, data and str(tmp_path / data), origin, nothing)
    assert sorted(models.rglob("*")) == before


def test_a_model_without_a_checkpoint_or_with_one_of_another_split_is_nothing_to_go_on_from(models, harvest):
    pets = Spec.load(models / "pets")
    split = pets.split_path.read_text()
    pets.split_path.write_text(split.replace(",test", ",train", 1).replace(",train", ",test", 1))
    with pytest.raises(UserError, match=r"learned by another split\.csv .*`make train MODEL=pets RESTART=1`"):
        prepare(models / "pets_2", harvest, "pets", nothing)
    pets.checkpoint_path.unlink()
    with pytest.raises(UserError, match=r"no such checkpoint; .* train it with `make train MODEL=pets`"):
        prepare(models / "pets_2", harvest, "pets", nothing)
    assert not (models / "pets_2").exists()


def test_a_folder_without_labelled_images_makes_no_model(models, tmp_path):
    waiting = fill(tmp_path / "waiting", {"cat": 0, "dog": 0, "unlabelled": 12})
    with pytest.raises(UserError, match="no labelled image; 12 are still in"):
        prepare(models / "pets_2", str(waiting), "pets", nothing)
    assert not (models / "pets_2").exists()


def test_a_folder_of_nothing_but_known_images_lists_them_and_makes_no_model(models, tmp_path):
    with pytest.raises(UserError, match=r"photos: nothing new to learn from \(.*: 16 duplicate\)"):
        prepare(models / "pets_2", str(tmp_path / "photos"), "pets", nothing)
    assert len(read_left_out(models / "pets_2")) == 16
    assert not (models / "pets_2" / "spec.yaml").exists()


def test_a_model_that_was_made_otherwise_is_refused(models, harvest, tmp_path):
    checkpoint(prepare(models / "pets_2", harvest, "pets", nothing).spec)
    prepare(models / "pets_3", harvest, "pets_2", nothing)
    more = str(fill(tmp_path / "more", {"dog": 1}, start=300))
    for model, data, origin in (("pets_2", more, "pets"), ("pets_3", harvest, "pets"), ("pets", harvest, "pets_2")):
        with pytest.raises(UserError, match=rf"{model}/spec\.yaml was not made by DATA=.* FROM={origin}; choose"):
            prepare(models / model, data, origin, nothing)
    with pytest.raises(UserError, match=r"names it in `also`; `make train MODEL=pets_2` takes up what is in there now"):
        prepare(models / "pets_2", harvest, "", nothing)


def test_with_its_datas_own_words_it_is_the_model_that_is_there(models, harvest, tmp_path):
    prepare(models / "pets_2", harvest, "pets", nothing)
    (tmp_path / "photos" / "cat" / "words.png").write_text("words")
    (models / "pets" / "left_out.csv").write_text("file,reason\ncat/words.png,not an image\n")
    fill(tmp_path / "photos", {"cat": 1}, start=900)
    said = prepare(models / "pets_2", str(tmp_path / "photos"), "", nothing).summary
    assert "1 files were added" in said
    assert "scripts.split_data --model pets`" in said


def test_its_data_is_dealt_out_by_the_model_whose_split_it_is(models, harvest, monkeypatch):
    prepare(models / "pets_2", harvest, "pets", nothing)
    monkeypatch.setattr("scripts.split_data.MODELS", models)
    with pytest.raises(UserError, match=r"its split is that of .*models/pets, .*`.*scripts\.split_data --model pets`"):
        split_data("pets_2", 1)
