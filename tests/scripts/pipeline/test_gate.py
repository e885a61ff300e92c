import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline.gate import judge
from scripts.pipeline.network import build_network, save_checkpoint
from scripts.pipeline.spec import MODELS, Gate, Spec
from scripts.pipeline.version import build_version

THRESHOLDS = Gate(min_accuracy=0.8, max_drop=0.05, min_agreement=0.9)
LABELS = np.array([0] * 50 + [1] * 50)


def with_errors(classes: np.ndarray, count: int) -> np.ndarray:
    wrong = classes.copy()
    wrong[:count] = 1 - wrong[:count]
    return wrong


def test_figures_within_the_thresholds_pass_and_are_kept_as_evidence() -> None:
    verdict = judge(with_errors(LABELS, 10), {"int8": with_errors(LABELS, 12)}, LABELS, THRESHOLDS)
    assert verdict.passed
    measured = verdict.evidence()["measured"]["int8 arithmetic"]
    assert measured == {"accuracy": 0.88, "drop": 0.02, "agreement": 0.98}
    assert json.loads(json.dumps(verdict.evidence()))["images"] == 100


def test_a_float_model_below_the_accuracy_fails_with_its_figure() -> None:
    verdict = judge(with_errors(LABELS, 30), {}, LABELS, THRESHOLDS)
    assert verdict.failures == ("float32: accuracy 70.00% misses min_accuracy 80.00%",)


def test_each_arithmetic_is_judged_by_itself() -> None:
    int8 = {"int8": with_errors(LABELS, 20), "fp32": with_errors(LABELS, 10)}
    verdict = judge(with_errors(LABELS, 10), int8, LABELS, THRESHOLDS)
    assert verdict.failures == ("int8 arithmetic: drop 10.00% misses max_drop 5.00%",)


def test_the_same_accuracy_on_other_images_fails_by_agreement() -> None:
    other = LABELS.copy()
    other[-10:] = 1 - other[-10:]
    verdict = judge(with_errors(LABELS, 10), {"int8": other}, LABELS, THRESHOLDS)
    assert verdict.failures == ("int8 arithmetic: agreement 80.00% misses min_agreement 90.00%",)


def test_an_untrained_checkpoint_gets_no_archive(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint = tmp_path / "untrained.safetensors"
    save_checkpoint(build_network("mobilenet_v3_small", 2).state_dict(), checkpoint, {})
    with pytest.raises(UserError, match=r"does not pass the gate.*misses min_accuracy.*No archive was written"):
        build_version(Spec.load(MODELS / "elpv"), "3.0", "float32", checkpoint, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_too_few_calibration_images_are_refused_by_key(tmp_path: Path) -> None:
    folder = shutil.copytree(MODELS / "elpv", tmp_path / "elpv")
    spec = Spec.load(folder)
    few = spec.model_copy(update={"calibration": spec.calibration.model_copy(update={"images": 100})})
    with pytest.raises(UserError, match=r"calibration\.images.*at least 128"):
        build_version(few, "3.0", "int8", spec.checkpoint_path, tmp_path / "store")
