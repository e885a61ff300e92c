"""A tiny model of its own with evidence that nobody measured: figures that are easy to look at."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.pipeline.card import evidence
from scripts.pipeline.card.wrong import Wrong, as_csv
from scripts.pipeline.spec import Spec

SPEC = """\
name: pets
description: Cats | dogs
architecture: mobilenet_v3_small
checkpoint: checkpoint.safetensors
labels: [cat, dog]
license: CC BY 4.0
data: {source: folder, folder: photos, split: split.csv}
preprocessing: {resize: 96, crop: 96, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
calibration: {images: 4}
gate: {min_accuracy: 0.5, max_drop: 0.01, min_agreement: 0.9}
"""
WRONG = [
    Wrong("dog/_1_|x.png", "", "dog", "cat", "0.990000", "1.000000"),
    Wrong("cat/2.png", "", "cat", "dog", "0.600000", "0.750000"),
]


def measured(right: int, paired: bool = False) -> dict[str, Any]:
    """Of 100 images, as `scripts.pipeline.measured` has it."""
    share = right / 100
    recall = {label: {"images": 50, "share": share, "share_95": [share - 0.1, share + 0.1]} for label in ("cat", "dog")}
    figures = {
        "arithmetic": "fp32",
        "instructions": "avx2",
        "images": 100,
        "accuracy": share,
        "accuracy_95": [share - 0.05, share + 0.05],
        "recall": recall,
        "roc_auc": 0.9,
        "calibration_error": 0.02,
        "confusion": [[40, 10], [100 - right - 10, right - 40]],
    }
    pair = {
        "drop": 0.01,
        "drop_95": [-0.02, 0.04],
        "lost": 2,
        "won": 1,
        "mcnemar_p": 1.0,
        "agreement": 0.97,
        "agreement_95": [0.91, 0.99],
    }
    return {**figures, "groups": {}, **({"paired": pair} if paired else {})}


def fabricated() -> dict[str, Any]:
    """Return an `evidence.json`."""
    part = {"images": 100, "labels": {"cat": 60, "dog": 40}, "groups": {}}
    gate = {"thresholds": {"min_accuracy": 0.5, "max_drop": 0.01, "min_recall": None}, "unmeasured": {}}
    int8 = {"float32": measured(90), "fp32 arithmetic": measured(89, paired=True)}
    return {
        "model": "pets",
        "checkpoint_bytes": 3_000_000,
        "checkpoint_sha256": "c" * 64,
        "split_sha256": "5" * 64,
        "recipe": None,
        "data": {"train": part, "val": part, "test": part},
        "archives": {
            "1.0": {"bytes": 4, "sha256": "1" * 64, "gate": {**gate, "measured": {"float32": measured(90)}}},
            "2.0": {"bytes": 2_900_000, "sha256": "2" * 64, "gate": {**gate, "measured": int8}},
        },
        "errors": {"arithmetic": "fp32", "instructions": "avx2", "wrong": 2, "unsure": 5, "unsure_wrong": 1},
        "note": None,
        "teacher": None,
    }


@pytest.fixture
def pets(tmp_path: Path) -> Spec:
    """A model whose evidence has been collected."""
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "errors.csv").write_text(as_csv(WRONG))
    (folder / evidence.FILE_NAME).write_text(json.dumps(fabricated()))
    return Spec.load(folder)
