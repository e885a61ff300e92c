"""How well int8 keeps the weights of each layer, channel by channel."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from scripts.pipeline.quantization.noise import decibels

_QUANTIZED = "_quantized"  # What ONNX Runtime's quantizer adds to the name of a weight.


@dataclass(frozen=True)
class Weights:
    """Signal to noise of one weight tensor, dB.

    Attributes:
        all_db: of all its values together.
        worst_channel_db: of the output channel that fares worst; a channel of zeros has nothing to lose.
    """

    all_db: float
    worst_channel_db: float


def compare(float32: onnx.ModelProto, int8: onnx.ModelProto) -> dict[str, Weights]:
    """Return each weight of the int8 graph by its name in the float32 graph."""
    exact = {item.name: item for item in float32.graph.initializer if len(item.dims) > 1}
    constants = {item.name: item for item in int8.graph.initializer}
    found: dict[str, Weights] = {}
    for node in int8.graph.node:
        name = node.input[0].removesuffix(_QUANTIZED) if node.input else ""
        if node.op_type == "DequantizeLinear" and node.input[0] in constants and name in exact:
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
            values = [numpy_helper.to_array(constants[part]) for part in node.input]
            found[name] = _compare(numpy_helper.to_array(exact[name]), _dequantized(*values, axis=axis), axis)
    return found


def _compare(exact: NDArray[np.float32], rounded: NDArray[np.float32], axis: int) -> Weights:
    channels = zip(np.moveaxis(exact, axis, 0), np.moveaxis(rounded, axis, 0), strict=True)
    return Weights(decibels(exact, rounded), min(decibels(one, other) for one, other in channels))


def _dequantized(
    values: NDArray[np.int8], scale: NDArray[np.float32], zero: NDArray[np.int8], *, axis: int
) -> NDArray[np.float32]:
    shape = [-1 if dimension == axis and scale.size > 1 else 1 for dimension in range(values.ndim)]
    real = (values.astype(np.float32) - zero.astype(np.float32).reshape(shape)) * scale.reshape(shape)
    return real.astype(np.float32)
