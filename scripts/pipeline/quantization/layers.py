"""How well each layer of the int8 graph keeps what the float32 graph computes there."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from scripts.pipeline.export import INPUT
from scripts.pipeline.quantization import weights
from scripts.pipeline.quantization.noise import Noise
from scripts.pipeline.quantization.weights import Weights

Kind = Literal["hard-swish", "squeeze-excite", "other"]
COLLAPSED_DB = 10.0
"""Below it the noise has more than a tenth of the signal's energy."""
_BATCH = 8
# They move values about, or are all of a layer whose output is told from the next one's.
_NO_LAYERS = ("Transpose", "Cast", "Flatten")
_DEQUANTIZED = "_DequantizeLinear_Output"  # ONNX Runtime's name for a value behind its rounding.


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: as in the checkpoint.
        op: ONNX operator; `Conv + Relu` where the rounding of the sum does the ReLU's work too.
        kind: which of MobileNetV3's own parts it belongs to.
        output_db: of its output, with the noise of all layers before it.
        weights: of a layer that has some in int8.
    """

    name: str
    op: str
    kind: Kind
    output_db: float
    weights: Weights | None


def compare(float32: Path, int8: Path, images: NDArray[np.uint8]) -> list[Layer]:
    """Return every layer from the first one in int8 to the logits, in the order in which they run.

    The int8 graph runs with the kernels that serve: its values are taken behind each rounding.

    Args:
        float32: graph.
        int8: the same graph, quantized.
        images: uint8 [images, 3, crop, crop], used neither for calibration nor by the gate.
    """
    graph, quantized = onnx.load(float32), onnx.load(int8)
    there = {name for node in quantized.graph.node for name in node.output}
    nodes = [node for node in graph.graph.node if node.op_type not in _NO_LAYERS and not _merged(node, graph)]
    pairs = {node.output[0]: _counterpart(node.output[0], there) for node in nodes}
    sessions = _session(graph, pairs.keys()), _session(quantized, pairs.values())
    found = {name: Noise() for name in pairs}
    for start in range(0, len(images), _BATCH):
        feed = {INPUT: images[start : start + _BATCH]}
        exact, rounded = sessions[0].run(list(pairs), feed), sessions[1].run(list(pairs.values()), feed)
        for name, one, other in zip(pairs, exact, rounded, strict=True):
            found[name].add(one, other)
    kinds, of_weights = _kinds(graph), weights.compare(graph, quantized)
    return [
        Layer(
            *_title(node, graph),
            kinds.get(node.output[0], "other"),
            found[node.output[0]].decibels,
            next((of_weights[name] for name in _own(node, graph).input if name in of_weights), None),
        )
        for node in nodes
        if found[node.output[0]].noise
    ]


def collapsed(layers: Iterable[Layer]) -> list[Layer]:
    """Return the layers below COLLAPSED_DB."""
    return [layer for layer in layers if layer.output_db < COLLAPSED_DB]


def _session(model: onnx.ModelProto, names: Iterable[str]) -> onnxruntime.InferenceSession:
    """Return a session of `model` in which the values `names` are outputs."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    outputs = {output.name for output in copy.graph.output}
    copy.graph.output.extend([onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in outputs])
    return onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])


def _counterpart(name: str, there: set[str]) -> str:
    return name + _DEQUANTIZED if name + _DEQUANTIZED in there else name


def _readers(name: str, model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if name in node.input]


def _merged(node: onnx.NodeProto, model: onnx.ModelProto) -> bool:
    """Return whether only a ReLU reads the node's output, which then is rounded to the ReLU's range."""
    return [reader.op_type for reader in _readers(node.output[0], model)] == ["Relu"]


def _own(node: onnx.NodeProto, model: onnx.ModelProto) -> onnx.NodeProto:
    """Return the node whose weights the layer has: itself, or what was merged into a ReLU."""
    if node.op_type != "Relu":
        return node
    before: onnx.NodeProto = next(one for one in model.graph.node if node.input[0] in one.output)
    return before


def _kinds(model: onnx.ModelProto) -> dict[str, Kind]:
    """Return the kind of each value that comes out of a hard-swish or a squeeze-and-excitation block."""
    kinds: dict[str, Kind] = {node.output[0]: "hard-swish" for node in model.graph.node if node.op_type == "HardSwish"}
    makers = {name: node for node in model.graph.node for name in node.output}
    for gate in [node for node in model.graph.node if node.op_type == "HardSigmoid"]:
        for product in _readers(gate.output[0], model):
            kinds[product.output[0]] = "squeeze-excite"
        node = gate
        while node.op_type != "GlobalAveragePool":
            kinds[node.output[0]] = "squeeze-excite"
            node = makers[node.input[0]]
        kinds[node.output[0]] = "squeeze-excite"
    return kinds


def _title(node: onnx.NodeProto, model: onnx.ModelProto) -> tuple[str, str]:
    """Return e.g. `features.11.block.2.fc1` and `Conv + Relu` of /body/body.11/block/block.2/fc1/Conv and its ReLU."""
    own = _own(node, model)
    parts = own.name.strip("/").split("/")[:-1]
    kept = [part for part, after in zip(parts, [*parts[1:], ""], strict=True) if not after.startswith(f"{part}.")]
    op = node.op_type if own is node else f"{own.op_type} + {node.op_type}"
    return ".".join(kept).removeprefix("network.") or own.name, op
