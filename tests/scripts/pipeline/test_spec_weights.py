"""A spec with weights, labels or images that are somebody else's."""

from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline.pretrained import imagenet_labels, imagenet_preprocessing
from scripts.pipeline.spec import MODELS, Spec

COMMITTED = (MODELS / "imagenet" / "spec.yaml").read_text()
LABELS = (MODELS / "imagenet" / "labels.txt").read_text()


def written(folder: Path, old: str, new: str) -> Path:
    assert old in COMMITTED
    (folder / "spec.yaml").write_text(COMMITTED.replace(old, new, 1))
    (folder / "labels.txt").write_text(LABELS)
    return folder


def test_labels_and_preprocessing_are_those_of_torchvisions_weights() -> None:
    spec = Spec.load(MODELS / "imagenet")
    assert spec.labels == imagenet_labels(spec.architecture)
    assert spec.preprocessing == imagenet_preprocessing(spec.architecture)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("weights: IMAGENET1K_V1", "# weights", r"give either `checkpoint`, a file, or `weights`, torchvision's"),
        ("weights:", "checkpoint: mine.safetensors\nweights:", r"give either `checkpoint`, a file, or `weights`"),
        (
            "agreement_gate: {min_agreement: 0.5}",
            "gate: {min_accuracy: 0, max_drop: 1, min_agreement: 0.5}",
            r"`gate` n",
        ),
        ("{source: unlabelled, folder: images}", "{source: elpv, split: split.csv}", r"`gate` is missing; add it"),
        ("min_agreement: 0.5", "min_agrement: 0.5", r"unknown key `agreement_gate.min_agrement`; did you mean"),
        ("labels: labels.txt", "labels: nothing.txt", r"nothing\.txt: No such file.*; `labels` of spec\.yaml names it"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as refused:
        Spec.load(written(tmp_path, old, new))
    assert "\n" not in str(refused.value)


def test_an_agreement_gate_beside_labelled_images_is_refused(tmp_path: Path) -> None:
    data = "data: {source: elpv, split: split.csv}\ngate: {min_accuracy: 0, max_drop: 1, min_agreement: 0.5}"
    with pytest.raises(UserError, match="`agreement_gate` is for images without labels"):
        Spec.load(written(tmp_path, "data: {source: unlabelled, folder: images}", data))


def test_a_labels_file_has_one_label_a_line(tmp_path: Path) -> None:
    folder = written(tmp_path, "labels.txt", "few.txt")
    (folder / "few.txt").write_text("crème brûlée\n\nice cream\n", encoding="utf-8")
    assert Spec.load(folder).labels == ("crème brûlée", "ice cream")


def test_weights_of_somebody_else_have_neither_checkpoint_nor_recipe() -> None:
    spec = Spec.load(MODELS / "imagenet")
    with pytest.raises(UserError, match="the weights are torchvision's, so there is no checkpoint"):
        _ = spec.checkpoint_path
    with pytest.raises(UserError, match="`training` is missing, so this model can't be trained here"):
        _ = spec.recipe
