"""`make new-model`: a model of somebody's images, ready to be edited and trained."""

import json
from pathlib import Path

import pytest

from scripts import new_model
from scripts.errors import UserError
from scripts.pipeline import new_model as making
from scripts.pipeline import recipe
from scripts.pipeline.spec import Spec
from tests.scripts.pipeline.data.pictures import fill

OFFLINE = UserError("the weights can't be fetched; put them there")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of models, where there is one, beside sixteen photos."""
    monkeypatch.setattr(new_model, "MODELS", tmp_path / "models")
    monkeypatch.setattr(making, "available_start", lambda _architecture: ("IMAGENET1K_V1", ""))
    fill(tmp_path / "photos", {"cat": 8, "dog": 8})
    return tmp_path / "models"


def test_it_makes_a_spec_and_says_what_to_edit_and_what_comes_next(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_model.main("pets", str(tmp_path / "photos"))
    said = capsys.readouterr().out
    assert Spec.load(models / "pets").labels == ("cat", "dog")
    assert sorted(path.name for path in (models / "pets").iterdir()) == ["left_out.csv", "spec.yaml", "split.csv"]
    assert f"edit {models / 'pets/spec.yaml'}" in said
    commands = [line.strip() for line in said.splitlines() if line.startswith("  make ")]
    assert commands == [
        "make train MODEL=pets",
        "make archive MODEL=pets VERSION=1.0 PRECISION=float32",
        "make archive MODEL=pets VERSION=2.0 PRECISION=int8",
        "make serve MODEL=pets",
    ]


def test_the_object_says_what_was_made(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new_model.main("pets", str(tmp_path / "photos"), "resnet18", as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "spec": str(models / "pets/spec.yaml"),
        "labels": ["cat", "dog"],
        "images": {"train": 10, "val": 2, "test": 4},
        "left_out": 0,
    }
    assert Spec.load(models / "pets").architecture == "resnet18"


def test_a_name_that_is_taken_is_refused_and_the_model_stays(models: Path, tmp_path: Path) -> None:
    new_model.main("pets", str(tmp_path / "photos"))
    spec = (models / "pets/spec.yaml").read_text()
    with pytest.raises(UserError, match=r"NAME=pets: .*pets is a model already; `make train MODEL=pets`"):
        new_model.main("pets", str(tmp_path / "photos"))
    assert (models / "pets/spec.yaml").read_text() == spec
    (models / "pets").rename(models / "animals")
    with pytest.raises(UserError, match="animals is served under that name already"):
        new_model.main("pets", str(tmp_path / "photos"))
    assert not (models / "pets").exists()


@pytest.mark.parametrize("name", ["", "my pets", "../pets", "pets-2"])
def test_a_name_that_can_not_be_one_is_refused(name: str, models: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="letters, digits and underscores"):
        new_model.main(name, str(tmp_path / "photos"))
    assert not models.exists()


def test_without_photos_it_says_how_to_put_them(models: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="each in the folder of its label"):
        new_model.main("pets", str(tmp_path / "none"))
    assert not models.exists()


def test_an_architecture_whose_weights_can_not_be_had_is_refused_before_anything_is_made(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The solar cells' checkpoint, which every clone has, fits its own architecture alone."""

    def offline(_architecture: str, _entry: str) -> None:
        raise OFFLINE

    monkeypatch.setattr(recipe, "imagenet_weights", offline)
    monkeypatch.setattr(making, "available_start", recipe.available_start)
    with pytest.raises(UserError, match="can't be fetched"):
        new_model.main("pets", str(tmp_path / "photos"), "resnet18")
    assert not models.exists()
    new_model.main("pets", str(tmp_path / "photos"))
    assert Spec.load(models / "pets").recipe.start == "models/elpv/checkpoint.safetensors"
