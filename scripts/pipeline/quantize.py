"""A float32 graph → int8 weights, once for int8 arithmetic and once for fp32 arithmetic."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from scripts.pipeline.export import INPUT

# Enough to find ranges at all. Whether a few images found good ones, the gate judges: a small folder of images must
# not be refused for its size alone. `make quantization` shows what fewer images cost.
MIN_CALIBRATION_IMAGES = 8
# The best of ONNX Runtime's three on held-out training images (`make quantization` compares them): a few outliers
# among the activations of 256 images don't stretch its ranges.
METHOD = CalibrationMethod.Percentile
# Every activation of a batch is in memory at once (docs/architectures.md).
_CALIBRATION_BATCH = 8


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Feeds batches to the calibrator, which asks for one range of them after the other, each until it gets None."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        starts = range(0, len(images), _CALIBRATION_BATCH)
        self._batches = [{INPUT: images[start : start + _CALIBRATION_BATCH]} for start in starts]
        self._feeds: Iterator[dict[str, NDArray[np.uint8]]] = iter(self._batches)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Feed the batches from `start_index` up to `end_index` next."""
        self._feeds = iter(self._batches[start_index:end_index])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next batch by the graph's input name, or None after the last of the range."""
        return next(self._feeds, None)


def quantize(
    graph: Path,
    images: NDArray[np.uint8],
    int8_graph: Path,
    *,
    per_channel: bool = True,
    method: CalibrationMethod = METHOD,
) -> None:
    """Write the int8 form of `graph` to `int8_graph`.

    Weights are symmetric int8 in -64..64: seven bits, because without VNNI the int8 kernels add pairs of products in
    16 bits, and 2 x 255 x 127 would saturate there while 2 x 255 x 64 does not.

    Args:
        graph: float32 ONNX.
        images: uint8 [images, crop, crop, 3], at least `MIN_CALIBRATION_IMAGES`, none of them used by the gate.
        int8_graph: where to write.
        per_channel: whether each output channel of a weight has a scale of its own; archives always do.
        method: how the ranges of activations are found.

    Raises:
        ValueError: too few images.
    """
    if len(images) < MIN_CALIBRATION_IMAGES:
        raise ValueError(f"{len(images)} calibration images; at least {MIN_CALIBRATION_IMAGES} are needed")
    # The calibrators print what they do, and what a verb prints is its result.
    with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        prepared = Path(folder) / "prepared.onnx"
        # Without optimization: it would break HardSwish up into two operators, each rounded.
        quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True, skip_optimization=True)
        quantize_static(
            str(prepared),
            str(int8_graph),
            _Images(images),
            quant_format=QuantFormat.QDQ,
            per_channel=per_channel,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_stem(onnx.load(prepared)),
            calibrate_method=method,
            extra_options={
                # Otherwise rounding to uint8 stands in for each ReLU, and is taken away again by `keep_weights_only`.
                "QDQKeepRemovableActivations": True,
                # Batch by batch, with every method whatever the name says: histograms of all activations of all
                # images at once would take gigabytes.
                "CalibStridedMinMax": 1,
                # Percentile's default range is as wide below zero as above, half of it empty behind an activation.
                "CalibTensorRangeSymmetric": False,
            },
        )


def keep_weights_only(int8_graph: Path, weights_graph: Path) -> None:
    """Write `int8_graph` without the rounding of activations: the same int8 weights for fp32 arithmetic."""
    model = onnx.load(int8_graph)
    weights = {initializer.name for initializer in model.graph.initializer}
    rounded = {
        node.output[0]: node.input[0]
        for node in model.graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] not in weights
    }
    restored = {
        node.output[0]: rounded[node.input[0]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in rounded
    }
    outputs = {output.name for output in model.graph.output}
    kept = [node for node in model.graph.node if not ({node.output[0]} & (rounded.keys() | restored.keys()))]
    for node in kept:
        node.input[:] = [_origin(name, restored) for name in node.input]
    for name in outputs & restored.keys():
        # An output must keep its name; the node that computes it takes that name over.
        _rename(kept, _origin(name, restored), name)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    initializers = [initializer for initializer in model.graph.initializer if initializer.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(initializers)
    onnx.checker.check_model(model)
    onnx.save(model, weights_graph)


def _stem(model: onnx.ModelProto) -> list[str]:
    """Return the names of the nodes up to and including the first convolution, which stay in float32.

    The normalisation gains nothing from int8. Nor does the first convolution, and it keeps the layout change for
    int8 kernels behind the normalisation, whose broadcast over a last axis of 3 would cost more than the network.
    """
    names = [node.name for node in model.graph.node]
    first = next(index for index, node in enumerate(model.graph.node) if node.op_type == "Conv")
    return names[: first + 1]


def _origin(name: str, restored: dict[str, str]) -> str:
    while name in restored:
        name = restored[name]
    return name


def _rename(nodes: list[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
