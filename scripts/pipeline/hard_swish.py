"""Hard-swish in int8 arithmetic."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

# hard-swish(x) = x · hard-sigmoid(x), hard-sigmoid(x) = min(1, max(0, x / 6 + 1 / 2)); Howard et al. 2019, MobileNetV3.
_SLOPE, _OFFSET = 1 / 6, 1 / 2
_HALF, _GATE_SCALE, _GATE_ZERO = "hard_sigmoid_offset", "hard_sigmoid_scale", "hard_sigmoid_zero_point"
# uint8 from 0 to 1.
_GATE_STEP = 1 / 255


def compute_in_int8(graph: Path) -> None:
    """Rewrite every hard-swish between two roundings so that int8 kernels compute it; others stay as they are.

    ONNX Runtime has none for hard-swish, and would turn its input into float32 and its output back. It has kernels for
    sums and products, and that is all it takes: the input's integers, read with a scale six times smaller, are x / 6;
    and rounding x / 6 + 1 / 2 to integers from 0 to 1 is what clips it. Only the gate's rounding, to 1/255, is new.

    Args:
        graph: ONNX with QuantizeLinear and DequantizeLinear; replaced.
    """
    model = onnx.load(graph)
    makers = {name: node for node in model.graph.node for name in node.output}
    constants = {constant.name: constant for constant in model.graph.initializer}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        source = makers.get(node.input[0]) if node.op_type == "HardSwish" else None
        if source and source.op_type == "DequantizeLinear" and _readers(node, model) == {"QuantizeLinear"}:
            scale = numpy_helper.to_array(constants[source.input[1]])
            sixth = numpy_helper.from_array((scale * np.float32(_SLOPE)).astype(np.float32), f"{node.output[0]}_sixth")
            model.graph.initializer.append(sixth)
            nodes += _gated(node, source, sixth.name)
        else:
            nodes.append(node)
    if len(nodes) > len(model.graph.node):
        nodes = [_dequantize(f"{_HALF}_quantized", f"{_HALF}_step", _GATE_ZERO, _HALF), *nodes]
        model.graph.initializer.extend(_constants())
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, graph)


def _readers(node: NodeProto, model: onnx.ModelProto) -> set[str]:
    return {reader.op_type for reader in model.graph.node if node.output[0] in reader.input}


def _gated(node: NodeProto, source: NodeProto, sixth: str) -> list[NodeProto]:
    """Return the nodes that stand for `node`, whose input `source` dequantizes."""
    name = node.output[0]
    integers, zero_point = source.input[0], source.input[2]
    return [
        _dequantize(integers, sixth, zero_point, f"{name}_x_sixth"),
        helper.make_node("Add", [f"{name}_x_sixth", _HALF], [f"{name}_gate"], f"{name}_Add"),
        helper.make_node("QuantizeLinear", [f"{name}_gate", _GATE_SCALE, _GATE_ZERO], [f"{name}_gate_quantized"]),
        _dequantize(f"{name}_gate_quantized", _GATE_SCALE, _GATE_ZERO, f"{name}_gate_rounded"),
        helper.make_node("Mul", [node.input[0], f"{name}_gate_rounded"], [name], node.name),
    ]


def _dequantize(integers: str, scale: str, zero_point: str, output: str) -> NodeProto:
    return helper.make_node("DequantizeLinear", [integers, scale, zero_point], [output])


def _constants() -> list[onnx.TensorProto]:
    largest = np.uint8(255)
    values: dict[str, NDArray[Any]] = {
        f"{_HALF}_quantized": np.array(largest),
        f"{_HALF}_step": np.array(_OFFSET / largest, np.float32),
        _GATE_SCALE: np.array(_GATE_STEP, np.float32),
        _GATE_ZERO: np.array(0, np.uint8),
    }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]
