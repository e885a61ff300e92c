import json
from pathlib import Path

import pytest
from rich.progress import Progress

from scripts import train
from scripts.errors import UserError
from scripts.locks import hold
from scripts.pipeline import new_model
from scripts.pipeline.training.trainer import Epoch, Images, Trainer
from tests.scripts.pipeline.data.pictures import fill


def two_epochs(learning: Trainer, _images: Images, _folder: Path, progress: Progress) -> None:
    """A training that learns nothing, which takes no time."""
    learning.log = [Epoch(number, "all", 0.001, 1.0, 0.9, 0.25 * number, 1.5) for number in (1, 2)]
    progress.console.print("epoch 2 of 2")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixteen images, and a file that is none."""
    monkeypatch.setattr(train, "MODELS", tmp_path / "models")
    monkeypatch.setattr(train, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(train, "train", two_epochs)
    # It would set how the whole test process allocates.
    monkeypatch.setattr(train, "reuse_freed_memory", lambda: None)
    start = ("models/elpv/checkpoint.safetensors", "there is no network")
    monkeypatch.setattr(new_model, "available_start", lambda _architecture: start)
    folder = fill(tmp_path / "photos", {"cat": 8, "dog": 8})
    (folder / "cat" / "words.png").write_text("words")
    return folder


def test_the_object_says_what_was_trained_and_made_and_nothing_else_is_on_stdout(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train.main("pets", str(photos), as_json=True)
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert said.pop("license").startswith("Not stated yet")
    assert said == {
        "checkpoint": str(train.MODELS / "pets" / "checkpoint.safetensors"),
        "epochs": 2,
        "val_accuracy": 0.5,
        "seconds": 3.0,
        "also": [],
        "created": {"labels": ["cat", "dog"], "images": {"train": 10, "val": 2, "test": 4}, "left_out": 1},
    }
    assert "epoch 2 of 2" in printed.err
    assert "1 not an image" in printed.err


def test_what_is_trained_already_stays_until_something_changes_or_a_restart_is_asked_for(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainings: list[str] = []

    def counted(learning: Trainer, images: Images, folder: Path, progress: Progress) -> None:
        trainings.append("again")
        two_epochs(learning, images, folder, progress)

    monkeypatch.setattr(train, "train", counted)
    train.main("pets", str(photos))
    assert "next: `make archive MODEL=pets VERSION=1.0 PRECISION=float32`" in capsys.readouterr().out
    train.main("pets")
    assert "was trained by this recipe on these images; RESTART=1 trains it again" in capsys.readouterr().out
    assert len(trainings) == 1
    train.main("pets", restart=True)
    assert len(trainings) == 2
    spec = train.MODELS / "pets" / "spec.yaml"
    spec.write_text(spec.read_text().replace("seed: 7", "seed: 8"))
    train.main("pets")
    assert len(trainings) == 3


def test_a_model_is_trained_by_one_process_at_a_time(photos: Path) -> None:
    train.main("pets", str(photos))
    with hold(train.RUNS / "pets" / "lock", ""), pytest.raises(UserError, match=r"a training of .*pets runs already"):
        train.main("pets")


def test_a_model_that_was_there_before_was_not_created(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train.main("pets", str(photos))
    assert "epoch 2 of 2" in capsys.readouterr().out
    train.main("pets", str(photos), as_json=True)
    assert json.loads(capsys.readouterr().out)["created"] is None
