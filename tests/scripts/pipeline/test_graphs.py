from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from handler.engine import Engine
from handler.metadata import Metadata
from scripts.pipeline.export import ServingGraph, export
from scripts.pipeline.network import build_network, load_checkpoint
from scripts.pipeline.quantize import quantize
from scripts.pipeline.spec import MODELS, Spec


@pytest.fixture(scope="module")
def spec() -> Spec:
    return Spec.load(MODELS / "elpv")


@pytest.fixture(scope="module")
def network(spec: Spec) -> torch.nn.Module:
    return load_checkpoint(spec.checkpoint_path, build_network(spec.architecture, len(spec.labels)))


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 224, 224), dtype=np.uint8)


def test_the_graph_computes_what_the_network_computes(spec: Spec, network: torch.nn.Module, tmp_path: Path) -> None:
    export(network, spec.preprocessing, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    logits, features = session.run(["logits", "features"], {"images": images(3)})
    with torch.no_grad():
        expected = ServingGraph(network, spec.preprocessing).eval()(torch.from_numpy(images(3)))
    np.testing.assert_allclose(logits, expected[0].numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(features, expected[1].numpy(), rtol=1e-3, atol=1e-3)


def test_any_batch_size_is_accepted(float32_folder: Path) -> None:
    engine = Engine.load(float32_folder / "model_float32.onnx", "fp32", threads=1)
    together = engine.logits(images(5))
    alone = np.concatenate([engine.logits(images(5)[index : index + 1]) for index in range(5)])
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4)


def test_int8_weights_leave_room_for_16_bit_sums(int8_folder: Path) -> None:
    """Two products of an activation (at most 255) and a weight must fit into int16: CPUs without VNNI saturate."""
    model = onnx.load(int8_folder / "model_int8.onnx")
    int8 = [numpy_helper.to_array(item) for item in model.graph.initializer if item.data_type == onnx.TensorProto.INT8]
    weights = [array for array in int8 if array.ndim > 1]
    assert len(weights) > 40
    assert 2 * 255 * max(int(np.abs(array.astype(int)).max()) for array in weights) <= np.iinfo(np.int16).max


def test_weights_are_scaled_per_channel(int8_folder: Path) -> None:
    model = onnx.load(int8_folder / "model_int8.onnx")
    constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    scales = [
        (constants[node.input[0]].shape, constants[node.input[1]].size)
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants and constants[node.input[0]].ndim > 1
    ]
    assert len(scales) > 40
    assert [(shape, count) for shape, count in scales if count != shape[0]] == []


def test_the_graph_for_fp32_arithmetic_has_the_same_int8_weights_and_rounds_no_activation(int8_folder: Path) -> None:
    quantized = onnx.load(int8_folder / "model_int8.onnx")
    weights_only = onnx.load(int8_folder / "model_int8_weights.onnx")
    assert "QuantizeLinear" in {node.op_type for node in quantized.graph.node}
    assert "QuantizeLinear" not in {node.op_type for node in weights_only.graph.node}
    both = [
        {item.name: item.raw_data for item in model.graph.initializer if item.data_type == onnx.TensorProto.INT8}
        for model in (quantized, weights_only)
    ]
    weights = {name: data for name, data in both[1].items() if len(data) > 1}
    assert len(weights) > 40
    assert all(both[0][name] == data for name, data in weights.items())


def test_both_graphs_keep_the_outputs_of_the_contract(int8_folder: Path) -> None:
    for graph in Metadata.load_verified(int8_folder).graphs.values():
        model = onnx.load(int8_folder / graph)
        assert [output.name for output in model.graph.output] == ["logits", "features", "map"]
        assert [item.name for item in model.graph.input] == ["images", "class_index"]


def test_too_few_calibration_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 8"):
        quantize(tmp_path / "none.onnx", images(7), tmp_path / "int8.onnx")


def test_no_activation_function_is_lost_with_the_rounding(float32_folder: Path, int8_folder: Path) -> None:
    activations = ("Relu", "HardSwish", "HardSigmoid")
    counts = []
    for graph in (float32_folder / "model_float32.onnx", int8_folder / "model_int8_weights.onnx"):
        kinds = [node.op_type for node in onnx.load(graph).graph.node]
        counts.append({kind: kinds.count(kind) for kind in activations})
    assert counts[0] == counts[1]
    assert counts[0]["Relu"] > 0


def test_exporting_and_quantizing_twice_gives_the_same_bytes(
    spec: Spec, network: torch.nn.Module, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        export(network, spec.preprocessing, tmp_path / f"{name}.onnx")
        quantize(tmp_path / f"{name}.onnx", images(128), tmp_path / f"{name}.int8.onnx")
    for kind in ("onnx", "int8.onnx"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_the_stem_and_the_narrow_first_block_stay_in_float32(int8_folder: Path) -> None:
    model = onnx.load(int8_folder / "model_int8.onnx")
    weights = {item.name for item in model.graph.initializer}
    kept = [node.name for node in model.graph.node if node.op_type == "Conv" and node.input[1] in weights]
    stem, first = "/network/features/features.0/features.0.0/Conv", "/network/features/features.1/block"
    assert kept[0] == stem
    assert {name.startswith(first) for name in kept[1:]} == {True}
    assert kept[-1] == f"{first}/block.2/block.2.0/Conv"


@pytest.mark.parametrize("architecture", ["resnet18", "regnet_y_400mf", "shufflenet_v2_x0_5"])
def test_where_the_first_block_is_no_narrow_one_only_the_first_convolution_stays_in_float32(
    spec: Spec, architecture: str, tmp_path: Path
) -> None:
    small = spec.preprocessing.model_copy(update={"resize": 64, "crop": 64})
    export(build_network(architecture, 3).eval(), small, tmp_path / "m.onnx")
    noise = np.random.default_rng(0).integers(0, 256, (8, 3, 64, 64), dtype=np.uint8)
    quantize(tmp_path / "m.onnx", noise, tmp_path / "int8.onnx")
    model = onnx.load(tmp_path / "int8.onnx")
    weights = {item.name for item in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert [node.input[1] in weights for node in convolutions] == [True] + [False] * (len(convolutions) - 1)
