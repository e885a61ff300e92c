from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from scripts.pipeline.quantization import layers
from scripts.pipeline.quantization.layers import Layer
from scripts.pipeline.quantization.variants import Material
from scripts.pipeline.quantize import quantize, quantize_for_serving


@pytest.fixture(scope="module")
def int8(material: Material) -> Path:
    """The graph that an archive ships."""
    graph, weights_only = material.folder / "layers.onnx", material.folder / "layers_weights.onnx"
    quantize_for_serving(material.graph, material.calibration, graph, weights_only)
    return graph


@pytest.fixture(scope="module")
def found(material: Material, int8: Path, held_out: np.ndarray) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers.compare(material.graph, int8, held_out[:8])}


def test_every_layer_behind_the_first_block_is_found_by_its_name_in_the_checkpoint(
    material: Material, found: dict[str, Layer]
) -> None:
    names = {name for name, _ in material.network.named_modules()}
    with_weights = {name for name, layer in found.items() if layer.weights}
    assert len(with_weights) == 49
    assert with_weights <= names
    assert not {"features.0.0", "features.1.block.0.0"} & found.keys()


def test_each_of_the_networks_own_parts_is_told_from_the_others(material: Material, found: dict[str, Layer]) -> None:
    kinds = [layer.kind for layer in found.values()]
    # Eight blocks of five: pool, reduce with its ReLU, expand, gate, product.
    assert kinds.count("squeeze-excite") == 40
    assert kinds.count("hard-swish") == 18
    assert found["features.11.block.2.fc1"].op == "Conv + Relu"
    assert found["features.11.block.2.fc1"].kind == "squeeze-excite"
    assert found["features.2.block.0.0"].kind == "other"


def test_no_layer_of_the_committed_checkpoint_collapses(found: dict[str, Layer]) -> None:
    assert layers.collapsed(found.values()) == []


def test_a_layer_whose_range_is_far_too_wide_collapses_and_is_named(
    material: Material, int8: Path, held_out: np.ndarray, tmp_path: Path
) -> None:
    model = onnx.load(int8)
    name = "features.6.block.2.scale_activation"
    output = next(
        node.output[0] for node in model.graph.node if node.op_type == "HardSigmoid" and "features.6/" in node.name
    )
    scale = next(item for item in model.graph.initializer if item.name == f"{output}_scale")
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * np.float32(500), scale.name))
    onnx.save(model, tmp_path / "spoilt.onnx")
    spoilt = layers.compare(material.graph, tmp_path / "spoilt.onnx", held_out[:8])
    assert name in {layer.name for layer in layers.collapsed(spoilt)}
    assert next(layer for layer in spoilt if layer.name == "features.2.block.0.0").output_db > layers.COLLAPSED_DB


def test_one_scale_for_all_channels_costs_the_small_ones_most(
    material: Material, found: dict[str, Layer], held_out: np.ndarray
) -> None:
    graph = material.folder / "coarse.onnx"
    quantize(material.graph, material.calibration, graph, per_channel=False)
    coarse = [layer.weights for layer in layers.compare(material.graph, graph, held_out[:8]) if layer.weights]
    fine = [layer.weights for layer in found.values() if layer.weights]
    assert min(one.worst_channel_db for one in coarse) < min(one.worst_channel_db for one in fine) - 10
    assert all(one.worst_channel_db <= one.all_db + 1e-6 for one in fine + coarse)
