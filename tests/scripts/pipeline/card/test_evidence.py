import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.pipeline import archive, weights
from scripts.pipeline.answers import Answers
from scripts.pipeline.card import evidence
from scripts.pipeline.data.sources import samples
from scripts.pipeline.served import Served
from scripts.pipeline.spec import MODELS, Spec
from tests.conftest import MODEL_STORE

FILES = ("spec.yaml", "split.csv", "checkpoint.safetensors")


@pytest.fixture
def elpv(tmp_path: Path) -> Spec:
    """A copy of the committed model."""
    folder = tmp_path / "elpv"
    folder.mkdir()
    for name in FILES:
        shutil.copy(MODELS / "elpv" / name, folder)
    return Spec.load(folder)


def test_a_missing_archive_is_named_with_its_command(elpv: Spec, tmp_path: Path) -> None:
    command = "make archive MODEL=elpv VERSION=2.0 PRECISION=int8"
    with pytest.raises(UserError, match=rf"mobilenet_v3-2\.0\.mar: no such archive; `{command}` builds it"):
        evidence.read_archive(elpv, tmp_path, "2.0")


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "split.csv"])
def test_an_archive_of_something_else_than_what_lies_there_is_refused(
    elpv: Spec, name: str, float32_archive: Path
) -> None:
    with (elpv.folder / name).open("ab") as file:
        file.write(b"x")
    command = "make archive MODEL=elpv VERSION=1.0 PRECISION=float32"
    with pytest.raises(UserError, match=rf"was not made of .*{name} as it is now; `{command}` builds it anew"):
        evidence.read_archive(elpv, float32_archive.parent, "1.0")


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("architecture", "architecture: mobilenet_v3_small", "architecture: mobilenet_v3_large"),
        ("labels", "labels: [functional, defective]", "labels: [good, bad]"),
        ("license", "CC BY-NC-SA 4.0", "CC BY 4.0"),
        ("preprocessing", "crop: 224", "crop: 192"),
        ("gate", "min_accuracy: 0.84", "min_accuracy: 0.90"),
    ],
)
def test_an_archive_of_another_spec_is_refused(elpv: Spec, key: str, old: str, new: str, float32_archive: Path) -> None:
    path = elpv.folder / "spec.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    command = "make archive MODEL=elpv VERSION=1.0 PRECISION=float32"
    with pytest.raises(UserError, match=rf"spec\.yaml said something else \(`{key}`\); `{command}` builds it anew"):
        evidence.read_archive(Spec.load(elpv.folder), float32_archive.parent, "1.0")


def test_a_missing_checkpoint_is_named(elpv: Spec, float32_archive: Path) -> None:
    elpv.checkpoint_path.unlink()
    with pytest.raises(UserError, match=r"checkpoint\.safetensors: no such file; `make train MODEL=elpv`"):
        evidence.read_archive(elpv, float32_archive.parent, "1.0")


def test_an_archive_of_torchvisions_weights_is_held_against_them(
    elpv: Spec, float32_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elpv.checkpoint_path.unlink()
    path = elpv.folder / "spec.yaml"
    path.write_text(path.read_text().replace("checkpoint: checkpoint.safetensors", "weights: IMAGENET1K_V1", 1))
    spec = Spec.load(elpv.folder)
    monkeypatch.setattr(weights, "imagenet_weights", lambda *_: {"layer": torch.ones(2)})
    built = archive.verify(float32_archive)
    made_of = {**weights.evidence(spec, None), "split_sha256": built.training["split_sha256"]}
    monkeypatch.setattr(archive, "verify", lambda *_: built.model_copy(update={"training": made_of}))
    assert evidence.read_archive(spec, float32_archive.parent, "1.0")[1].training == made_of
    monkeypatch.setattr(weights, "imagenet_weights", lambda *_: {"layer": torch.zeros(2)})
    with pytest.raises(UserError, match="was not made of torchvision's mobilenet_v3_small, IMAGENET1K_V1 as it is now"):
        evidence.read_archive(spec, float32_archive.parent, "1.0")


def as_measured(metadata: Metadata, spec: Spec) -> Served:
    """Answers to the test part with the confusion that the gate measured, though not on the same images."""
    images = samples(spec, "test")
    arithmetic = "fp32"
    left = np.array(metadata.gate["measured"][f"{arithmetic} arithmetic"]["confusion"])
    classes = []
    for image in images:
        called = int(np.flatnonzero(left[image.label])[0])
        left[image.label, called] -= 1
        classes.append(called)
    return Served(Answers(np.array(classes), np.eye(len(spec.labels))[classes]), "2.0", arithmetic, "avx2")


def test_the_evidence_is_the_gates_and_every_image_of_the_split_is_counted(elpv: Spec) -> None:
    archives = {version: evidence.read_archive(elpv, MODEL_STORE, version) for version in evidence.PRECISIONS}
    served = as_measured(archives["2.0"][1], elpv)
    found = evidence.collect(elpv, archives, served, samples(elpv, "test"), None)
    assert found["archives"]["1.0"]["gate"] == archives["1.0"][1].gate
    assert {part: counts["images"] for part, counts in found["data"].items()} == {
        "train": 1642,
        "val": 328,
        "test": 654,
    }
    assert sum(found["data"]["test"]["labels"].values()) == sum(found["data"]["test"]["groups"].values()) == 654
    measured = found["archives"]["2.0"]["gate"]["measured"]["fp32 arithmetic"]
    assert found["errors"]["wrong"] == round(654 * (1 - measured["accuracy"]))
    assert 0 < found["errors"]["unsure_wrong"] <= found["errors"]["unsure"] < 654


def test_answers_that_are_not_those_of_the_gate_make_no_card(elpv: Spec) -> None:
    archives = {version: evidence.read_archive(elpv, MODEL_STORE, version) for version in evidence.PRECISIONS}
    images = samples(elpv, "test")
    answers = Answers(np.array([image.label for image in images]), np.ones((len(images), 2)))
    with pytest.raises(UserError, match="calls 0 of 654 test images wrongly here, which is not what its gate measured"):
        evidence.collect(elpv, archives, Served(answers, "2.0", "fp32", "avx2"), images, None)


def test_no_evidence_is_a_sentence_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"evidence\.json: no such file; `make card MODEL=.*` collects it"):
        evidence.read(tmp_path)
