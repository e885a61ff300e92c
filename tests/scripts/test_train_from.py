"""A model that goes on from another, with the command itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scripts import train
from scripts.pipeline import new_model, recipe
from scripts.pipeline.archive import verify
from scripts.pipeline.network import read_header, read_weights
from scripts.pipeline.spec import Spec
from scripts.pipeline.version import build_version
from tests.scripts.pipeline.data.pictures import fill
from tests.scripts.test_train import two_epochs

_REALLY = train.train


@pytest.fixture
def harvest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three labelled images and one that waits, beside `pets`, a model of sixteen; no training takes any time."""
    monkeypatch.setattr(train, "MODELS", tmp_path / "models")
    monkeypatch.setattr(train, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(train, "train", two_epochs)
    # It would set how the whole test process allocates.
    monkeypatch.setattr(train, "reuse_freed_memory", lambda: None)
    monkeypatch.setattr(recipe, "epochs_of", lambda *_: 2)
    start = ("models/elpv/checkpoint.safetensors", "there is no network")
    monkeypatch.setattr(new_model, "available_start", lambda _architecture: start)
    monkeypatch.setenv("MODEL_STORE", str(tmp_path / "store"))
    train.main("pets", str(fill(tmp_path / "photos", {"cat": 8, "dog": 8})))
    return str(fill(tmp_path / "harvest", {"cat": 2, "dog": 1, "unlabelled": 1}, start=100))


@pytest.fixture
def trainings(harvest: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of each training from now on, the number of images that it learned from."""
    found: list[int] = []

    def counted(learning: Any, images: Any, folder: Path, progress: Any) -> None:
        found.append(len(images.train.images))
        two_epochs(learning, images, folder, progress)

    monkeypatch.setattr(train, "train", counted)
    return found


def test_it_learns_from_the_train_part_and_the_folder_and_says_how_to_serve_it(
    harvest: str, trainings: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    train.main("pets_2", harvest, origin="pets")
    said = capsys.readouterr().out
    assert trainings == [10 + 3]
    assert "1 still unlabelled" in said
    path = train.MODELS / "pets_2" / "checkpoint.safetensors"
    assert said.endswith(f"next: `make archive MODEL=pets VERSION=3.0 PRECISION=int8 CHECKPOINT={path}`\n")


def test_the_object_says_what_it_also_learned_from(harvest: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    train.main("pets_2", harvest, origin="pets", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [(one["folder"], one["images"]) for one in said["also"]] == [(harvest, {"cat": 2, "dog": 1})]
    parts = {"train": 10, "val": 2, "test": 4}
    assert said["created"] == {"labels": ["cat", "dog"], "images": parts, "left_out": 1}


def test_it_is_trained_again_for_new_images_or_another_start_and_not_otherwise(
    harvest: str, trainings: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    train.main("pets_2", harvest, origin="pets")
    train.main("pets_2", harvest, origin="pets")
    assert "was trained by this recipe on these images" in capsys.readouterr().out
    assert trainings == [13]
    (Path(harvest) / "unlabelled" / "100.png").rename(Path(harvest) / "dog" / "101.png")
    train.main("pets_2", harvest, origin="pets")
    assert trainings == [13, 14]
    before = train.MODELS / "pets" / "spec.yaml"
    before.write_text(before.read_text().replace("seed: 7", "seed: 8"))
    train.main("pets")
    checkpoint = Spec.load(before.parent).checkpoint_path
    assert read_header(checkpoint)["learned"].count('"seed": 8') == 1
    train.main("pets_2")
    assert trainings == [13, 14, 10, 14]


def interrupted(written: Callable[..., None]) -> Callable[..., None]:
    """What writes the log, and after the first epoch presses Ctrl-C."""

    def write(*arguments: Any) -> None:
        written(*arguments)
        raise KeyboardInterrupt

    return write


@pytest.mark.operations
def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_weights(
    harvest: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "train", _REALLY)
    with monkeypatch.context() as patch:
        patch.setattr(train, "write_csv", interrupted(train.write_csv))
        with pytest.raises(KeyboardInterrupt):
            train.main("pets_2", harvest, origin="pets")
    train.main("pets_2", harvest, origin="pets")
    assert "goes on after epoch 1" in capsys.readouterr().out
    path = train.MODELS / "pets_2" / "checkpoint.safetensors"
    stopped, start = read_weights(path), read_weights(train.MODELS / "pets" / "checkpoint.safetensors")
    train.main("pets_2", restart=True)
    again = read_weights(path)
    assert all(torch.equal(again[name], stopped[name]) for name in again)
    assert not torch.equal(again["features.0.0.weight"], start["features.0.0.weight"])


@pytest.mark.operations
def test_an_archive_of_the_first_model_says_what_its_weights_also_learned_from(harvest: str, tmp_path: Path) -> None:
    train.main("pets_2", harvest, origin="pets")
    path = train.MODELS / "pets" / "spec.yaml"
    path.write_text(path.read_text().replace("min_accuracy: 0.5", "min_accuracy: 0"))
    pets, checkpoint = Spec.load(path.parent), Spec.load(train.MODELS / "pets_2").checkpoint_path
    built = build_version(pets, "3.0", "float32", checkpoint, tmp_path / "store")
    [also] = verify(built.path).training["also"]
    assert (also["folder"], also["images"], len(also["sha256"])) == (harvest, {"cat": 2, "dog": 1}, 64)
    assert verify(built.path).name == "pets"
