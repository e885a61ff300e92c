import json
from pathlib import Path

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline import weights
from scripts.pipeline.card.teacher import teacher_figures
from scripts.pipeline.spec import Spec
from tests.scripts.pipeline.card.conftest import SPEC

TRAINING = """\
training:
  {seed: 1, start: random, side: 96, average: 0.9, teacher: big, augmentation: {turns: none, aspect: 1, brightness: 0,
  contrast: 0}, phases: [{name: all, epochs: 1, batch: 2, side: 96, scale: [0.5, 1], learning_rate: 0.1,
  weight_decay: 0, loss: {labels: 1, teacher: 1}}]}
"""


class Evaluations:
    """Counts how often a teacher is measured."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, teacher: Spec) -> dict[str, object]:
        assert teacher.name == "big"
        self.count += 1
        return {"accuracy": 0.9}


@pytest.fixture
def student(tmp_path: Path) -> Spec:
    for name, text in (("pets", SPEC + TRAINING), ("big", SPEC.replace("name: pets", "name: big"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.yaml").write_text(text)
        (tmp_path / name / "split.csv").write_text("file,part\na,train\nb,test\n")
    (tmp_path / "big" / "checkpoint.safetensors").write_bytes(b"weights")
    return Spec.load(tmp_path / "pets")


def test_a_teacher_is_measured_once_for_each_of_its_checkpoints(student: Spec) -> None:
    evaluate = Evaluations()
    assert teacher_figures(student, evaluate)["accuracy"] == 0.9
    assert teacher_figures(student, evaluate)["folder"] == "big"
    assert evaluate.count == 1
    (student.folder.parent / "big" / "checkpoint.safetensors").write_bytes(b"better")
    teacher_figures(student, evaluate)
    assert evaluate.count == 2


def test_the_output_of_scripts_evaluate_alone_is_measured_again(student: Spec) -> None:
    (student.folder.parent / "big" / "evaluation.json").write_text(json.dumps({"accuracy": 0.1}))
    assert teacher_figures(student, Evaluations())["accuracy"] == 0.9


def test_figures_outlive_the_teachers_checkpoint(student: Spec) -> None:
    checkpoint = student.folder.parent / "big" / "checkpoint.safetensors"
    measured = teacher_figures(student, Evaluations())
    checkpoint.unlink()
    evaluate = Evaluations()
    assert teacher_figures(student, evaluate) == measured
    assert evaluate.count == 0
    (student.folder.parent / "big" / "evaluation.json").unlink()
    assert teacher_figures(student, evaluate) is None


def test_a_teacher_with_torchvisions_weights_is_measured_once_for_them(
    student: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = student.folder.parent / "big"
    spec = (folder / "spec.yaml").read_text()
    (folder / "spec.yaml").write_text(spec.replace("checkpoint: checkpoint.safetensors", "weights: IMAGENET1K_V1"))
    (folder / "checkpoint.safetensors").unlink()
    monkeypatch.setattr(weights, "imagenet_weights", lambda *_: {"layer": torch.ones(2)})
    evaluate = Evaluations()
    assert teacher_figures(student, evaluate) == teacher_figures(student, evaluate)
    assert evaluate.count == 1


def test_a_teacher_with_another_split_is_refused(student: Spec) -> None:
    (student.folder.parent / "big" / "split.csv").write_text("file,part\na,test\nb,train\n")
    with pytest.raises(UserError, match="may have learned from test images"):
        teacher_figures(student, Evaluations())


def test_without_a_teacher_there_is_nothing_to_measure(pets: Spec) -> None:
    assert teacher_figures(pets, Evaluations()) is None
