from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline import weights
from scripts.pipeline.images import Labelled
from scripts.pipeline.network import build_network
from scripts.pipeline.quantization import calibration, comparison, onnx_methods
from scripts.pipeline.spec import Spec
from tests.scripts.pipeline.card.conftest import SPEC


def test_torchvisions_weights_are_compared_like_a_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("checkpoint: checkpoint.safetensors", "weights: IMAGENET1K_V1"))
    spec = Spec.load(tmp_path)
    torch.manual_seed(0)
    state = build_network(spec.architecture, len(spec.labels)).state_dict()
    monkeypatch.setattr(weights, "imagenet_weights", lambda *_: state)
    images = Labelled(np.zeros((8, 3, 96, 96), np.uint8), np.zeros(8, int), np.array([""] * 8))
    monkeypatch.setattr(comparison, "calibration", lambda _: images)
    monkeypatch.setattr(comparison, "labelled", lambda *_: images)
    monkeypatch.setattr(calibration, "compare", lambda *_: [])
    monkeypatch.setattr(comparison, "METHODS", onnx_methods.METHODS[:1])
    found = comparison.run(spec, tmp_path, 1, lambda _: None)
    assert found.checkpoint_sha256 == weights.evidence(spec, None)["weights_sha256"]
    assert len(found.rows) == 1


def test_too_few_calibration_images_are_an_error_that_a_person_can_mend(spec: Spec, tmp_path: Path) -> None:
    few = spec.model_copy(update={"calibration": spec.calibration.model_copy(update={"images": 7})})
    with pytest.raises(UserError, match=r"`calibration\.images` is 7, and int8 needs at least 8"):
        comparison.run(few, tmp_path, 1, lambda _: None)
