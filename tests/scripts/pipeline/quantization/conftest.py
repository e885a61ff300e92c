"""The committed checkpoint on small crops of real cells."""

import numpy as np
import pytest

from scripts.pipeline.data.sources import samples
from scripts.pipeline.export import export
from scripts.pipeline.images import read
from scripts.pipeline.network import build_network, load_checkpoint
from scripts.pipeline.quantization.variants import Material
from scripts.pipeline.spec import MODELS, Spec


@pytest.fixture(scope="session")
def spec() -> Spec:
    return Spec.load(MODELS / "elpv")


@pytest.fixture(scope="session")
def material(spec: Spec, tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("quantization")
    small = spec.preprocessing.model_copy(update={"resize": 128, "crop": 128})
    network = load_checkpoint(spec.checkpoint_path, build_network(spec.architecture, len(spec.labels)))
    calibration = np.stack([read(sample, small) for sample in samples(spec, "train")[::50]])
    export(network, small, folder / "float32.onnx")
    return Material(network, small, calibration, folder / "float32.onnx", folder)


@pytest.fixture(scope="session")
def held_out(spec: Spec, material: Material) -> np.ndarray:
    return np.stack([read(sample, material.preprocessing) for sample in samples(spec, "val")[::20]])
