"""The map of an archive's graph is Grad-CAM, whatever the network's head, and predictions pay nothing for it."""

import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from handler.engine import Engine
from handler.metadata import Preprocessing
from scripts.architectures import clouds, normalised, random_network
from scripts.pipeline.data.sources import samples
from scripts.pipeline.explanation import explain
from scripts.pipeline.export import export, last_map
from scripts.pipeline.gradient import gradient_of_head
from scripts.pipeline.images import read
from scripts.pipeline.network import build_network, load_checkpoint, torchvision_models
from scripts.pipeline.spec import MODELS, Spec

SMALL = Preprocessing(resize=64, crop=64, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def with_map(network: nn.Module, preprocessing: Preprocessing, path: Path) -> Engine:
    export(network, preprocessing, path)
    gradient = gradient_of_head(network, preprocessing.crop)
    assert gradient is not None
    explain(gradient, network, path)
    return Engine.load(path, "fp32", threads=1)


def by_autograd(network: nn.Module, images: Tensor, side: int, index: int) -> NDArray[np.float32]:
    """Return Grad-CAM's map of a class of one image, by the network's own gradient."""
    maps: list[Tensor] = []

    def keep(_layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        maps.append(output.detach().clone().requires_grad_())
        return maps[-1].clone()

    hook = network.get_submodule(last_map(network, side)).register_forward_hook(keep)
    logits = network(images)
    hook.remove()
    (gradient,) = torch.autograd.grad(logits[0, index], maps[-1])
    found: NDArray[np.float32] = torch.relu((gradient.mean((2, 3), keepdim=True) * maps[-1]).sum(1))[0].detach().numpy()
    return found


@pytest.mark.operations
@pytest.mark.parametrize("architecture", ["mobilenet_v3_small", "resnet18", "squeezenet1_1"])
def test_the_graphs_map_is_grad_cam_by_autograd(architecture: str, tmp_path: Path) -> None:
    network = random_network(architecture, SMALL)
    engine = with_map(network, SMALL, tmp_path / "m.onnx")
    for image in clouds(2, SMALL.crop, seed=3):
        logits = engine.logits(image[np.newaxis])[0]
        for index in (0, 3, None):
            expected = by_autograd(
                network,
                normalised(image[np.newaxis], SMALL),
                SMALL.crop,
                int(logits.argmax()) if index is None else index,
            )
            found_logits, found = engine.explain(image, index)
            np.testing.assert_allclose(found, expected, atol=1e-3 * max(float(expected.max()), 1e-6))
            np.testing.assert_allclose(found_logits, logits, rtol=1e-5)


@pytest.fixture(scope="module")
def spec() -> Spec:
    return Spec.load(MODELS / "elpv")


@pytest.fixture(scope="module")
def network(spec: Spec) -> nn.Module:
    return load_checkpoint(spec.checkpoint_path, build_network(spec.architecture, len(spec.labels)))


@pytest.mark.parametrize("index", [0, 1])
def test_it_is_what_captum_says_of_cells(spec: Spec, network: nn.Module, float32_folder: Path, index: int) -> None:
    attr = pytest.importorskip("captum.attr")
    engine = Engine.load(float32_folder / "model_float32.onnx", "fp32", threads=1)
    reference = attr.LayerGradCam(network, network.features)
    # Every sixtieth of the test cells, sound and defective ones.
    for sample in samples(spec, "test")[::60]:
        image = read(sample, spec.preprocessing)
        expected = reference.attribute(normalised(image[np.newaxis], spec.preprocessing), index, relu_attributions=True)
        found = engine.explain(image, index)[1]
        np.testing.assert_allclose(found, expected[0, 0].detach().numpy(), atol=1e-3)
        assert found.max() < 10


@pytest.mark.operations
def test_a_prediction_is_the_same_with_the_map_in_the_graph_and_has_none(
    network: nn.Module, spec: Spec, tmp_path: Path
) -> None:
    engine = with_map(network, spec.preprocessing, tmp_path / "with.onnx")
    export(network, spec.preprocessing, tmp_path / "without.onnx")
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 224, 224), dtype=np.uint8)
    plain = Engine.load(tmp_path / "without.onnx", "fp32", threads=1)
    assert (engine.explains, plain.explains) == (True, False)
    assert (engine.logits(images) == plain.logits(images)).all()
    session = onnxruntime.InferenceSession(tmp_path / "with.onnx", providers=["CPUExecutionProvider"])
    assert session.run(["map"], {"images": images})[0].size == 0


def test_a_network_that_reads_more_than_its_last_map_has_no_explanations() -> None:
    transformer = torchvision_models().VisionTransformer(32, 16, 2, 2, 16, 16, num_classes=2).eval()
    assert gradient_of_head(transformer, 32) is None


@pytest.mark.operations
def test_it_takes_no_weights_of_its_own_and_gives_the_same_bytes_twice(
    network: nn.Module, spec: Spec, int8_folder: Path, float32_folder: Path, tmp_path: Path
) -> None:
    export(network, spec.preprocessing, tmp_path / "without.onnx")
    for name in ("one", "two"):
        shutil.copy(tmp_path / "without.onnx", tmp_path / f"{name}.onnx")
        gradient = gradient_of_head(network, spec.preprocessing.crop)
        assert gradient is not None
        explain(gradient, network, tmp_path / f"{name}.onnx")
    one, two = ((tmp_path / f"{name}.onnx").read_bytes() for name in ("one", "two"))
    assert one == two == (float32_folder / "model_float32.onnx").read_bytes()
    assert len(one) - (tmp_path / "without.onnx").stat().st_size < 10_000
    # The head alone has 0.6 million weights.
    for graph in ("model_int8.onnx", "model_int8_weights.onnx"):
        assert (int8_folder / graph).stat().st_size < 2_000_000
