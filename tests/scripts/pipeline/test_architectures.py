"""Networks other than the default one, on the whole way from torchvision's name to an answer."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from handler.engine import Engine
from handler.metadata import Arithmetic, Metadata, Preprocessing
from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from scripts.architectures import CLASSES, clouds, normalised, random_network
from scripts.errors import UserError
from scripts.pipeline import archive
from scripts.pipeline.export import export, last_map
from scripts.pipeline.network import build_network
from scripts.pipeline.quantize import MIN_CALIBRATION_IMAGES, quantize_for_serving

SIDE = 64
PREPROCESSING = Preprocessing(resize=72, crop=SIDE, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
FLOAT_GRAPH = "model_float32.onnx"
INT8_GRAPHS: dict[Arithmetic, str] = {"int8": "model_int8.onnx", "fp32": "model_int8_weights.onnx"}
# Channels of the last feature map, which has a 32nd of the image's side.
CHANNELS = {"mobilenet_v3_small": 576, "mobilenet_v3_large": 960, "mobilenet_v2": 1280, "resnet18": 512}


@dataclass(frozen=True)
class Exported:
    architecture: str
    network: nn.Module
    folder: Path
    """With the float32 graph and both int8 graphs."""

    def logits(self, graph: str, arithmetic: Arithmetic, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return Engine.load(self.folder / graph, arithmetic, threads=1).logits(batch)


@pytest.fixture(scope="module", params=CHANNELS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp(request.param)
    network = random_network(request.param, PREPROCESSING)
    export(network, PREPROCESSING, folder / FLOAT_GRAPH)
    calibration = clouds(max(16, MIN_CALIBRATION_IMAGES), SIDE, 2)
    quantize_for_serving(folder / FLOAT_GRAPH, calibration, *(folder / INT8_GRAPHS[kind] for kind in ("int8", "fp32")))
    return Exported(request.param, network, folder)


def test_the_graph_gives_the_networks_logits_and_its_last_map(exported: Exported) -> None:
    batch = clouds(4, SIDE, seed=3)
    maps: list[torch.Tensor] = []
    layer = exported.network.get_submodule("layer4" if exported.architecture == "resnet18" else "features")
    hook = layer.register_forward_hook(lambda _layer, _inputs, output: maps.append(output))
    with torch.inference_mode():
        logits = exported.network(normalised(batch, PREPROCESSING))
    hook.remove()
    session = Engine.load(exported.folder / FLOAT_GRAPH, "fp32", threads=1)._session
    found = session.run(["logits", "features"], {"images": batch})
    assert found[1].shape == (4, CHANNELS[exported.architecture], 2, 2)
    np.testing.assert_allclose(found[0], logits.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[1], maps[0].numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("arithmetic", INT8_GRAPHS)
def test_int8_keeps_the_differences_between_images(exported: Exported, arithmetic: Arithmetic) -> None:
    batch = clouds(32, SIDE, seed=4)
    float32 = exported.logits(FLOAT_GRAPH, "fp32", batch)
    # What all images have in common says nothing about the network's answers, and would hide any error.
    common = float32.mean(0)
    int8 = exported.logits(INT8_GRAPHS[arithmetic], arithmetic, batch) - common
    float32 -= common
    assert np.corrcoef(float32.ravel(), int8.ravel())[0, 1] > 0.9
    assert (float32.argmax(1) == int8.argmax(1)).mean() > 0.6


def test_int8_is_a_quarter_of_the_size_and_leaves_no_layer_behind_but_the_narrow_first_ones(exported: Exported) -> None:
    float32 = (exported.folder / FLOAT_GRAPH).stat().st_size
    kept = {"mobilenet_v3_small": 5, "mobilenet_v3_large": 3, "mobilenet_v2": 3, "resnet18": 1}[exported.architecture]
    for graph in INT8_GRAPHS.values():
        assert (exported.folder / graph).stat().st_size < 0.32 * float32
        model = onnx.load(exported.folder / graph)
        dequantized = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
        layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
        assert [layer.input[1] in dequantized for layer in layers] == [number >= kept for number in range(len(layers))]


def test_an_archive_of_it_answers(exported: Exported, tmp_path: Path, cell: bytes) -> None:
    metadata = Metadata(
        name="clouds",
        version="1.0",
        architecture=exported.architecture,
        precision="int8",
        labels=tuple(f"label {index}" for index in range(CLASSES)),
        preprocessing=PREPROCESSING,
        graphs=INT8_GRAPHS,
        license="none",
        files={},
        training={},
        gate={"passed": True},
    )
    with zipfile.ZipFile(archive.build(metadata, exported.folder, tmp_path)) as packed:
        packed.extractall(tmp_path / "unpacked")
    for arithmetic in INT8_GRAPHS:
        service = Service.load(tmp_path / "unpacked", Settings(arithmetic=arithmetic))
        replies, _ = service.reply_all([Request({"body": cell}, {}, "id"), Request({"body": _png()}, {}, "id")])
        assert [reply.status for reply in replies] == [200, 200]
        answers: list[Any] = [json.loads(reply.body)["predictions"] for reply in replies]
        assert [len(answer) for answer in answers] == [5, 5]
        assert answers[0] != answers[1]


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("shufflenet_v2_x0_5", "conv5"), ("squeezenet1_1", "classifier.2"), ("regnet_y_400mf", "trunk_output")],
)
def test_the_last_map_is_found_however_the_network_pools(architecture: str, name: str) -> None:
    assert last_map(build_network(architecture, 2).eval(), 64) == name


def test_a_size_that_the_network_does_not_take_is_refused_with_the_key(tmp_path: Path) -> None:
    tiny = PREPROCESSING.model_copy(update={"resize": 32, "crop": 32})
    with pytest.raises(UserError, match=r"AlexNet takes no images of 32 x 32 pixels .* change `preprocessing.crop`"):
        export(build_network("alexnet", 2).eval(), tiny, tmp_path / "alexnet.onnx")


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(clouds(1, SIDE, seed=5)[0].transpose(1, 2, 0)).save(file, "PNG")
    return file.getvalue()
