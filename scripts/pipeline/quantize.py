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

from scripts.pipeline import hard_swish
from scripts.pipeline.export import INPUT
from scripts.pipeline.weights_only import keep_weights_only

# Enough to find ranges at all. Whether a few images found good ones, the gate judges: a small folder of images must
# not be refused for its size alone. `make quantization` shows what fewer images cost.
MIN_CALIBRATION_IMAGES = 8
# A few outliers among the activations of 256 images don't stretch its ranges. `make quantization` compares ONNX
# Runtime's three on held-out training images: Entropy leaves a decibel less noise, and changes as many labels.
METHOD = CalibrationMethod.Percentile
# A MobileNet's first block reads 16 or 32.
_FEW_CHANNELS = 32
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


def quantize_for_serving(graph: Path, images: NDArray[np.uint8], int8_graph: Path, weights_graph: Path) -> None:
    """Write both graphs of an int8 archive: for int8 arithmetic, and for fp32 arithmetic on the same int8 weights.

    Args:
        graph: float32 ONNX.
        images: as in `quantize`.
        int8_graph: where to write.
        weights_graph: where to write.

    Raises:
        ValueError: as in `quantize`.
    """
    _round_activations(graph, images, int8_graph, per_channel=True, method=METHOD)
    # In this order: afterwards one value is read at two scales, and its rounding can't be taken away again.
    keep_weights_only(int8_graph, weights_graph)
    hard_swish.compute_in_int8(int8_graph)


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
        images: uint8 [images, 3, crop, crop], at least `MIN_CALIBRATION_IMAGES`, none of them used by the gate.
        int8_graph: where to write.
        per_channel: whether each output channel of a weight has a scale of its own; archives always do.
        method: how the ranges of activations are found.

    Raises:
        ValueError: too few images.
    """
    _round_activations(graph, images, int8_graph, per_channel=per_channel, method=method)
    hard_swish.compute_in_int8(int8_graph)


def _round_activations(
    graph: Path, images: NDArray[np.uint8], int8_graph: Path, *, per_channel: bool, method: CalibrationMethod
) -> None:
    """Write `graph` with int8 weights and every activation rounded, hard-swish still one operator."""
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
            nodes_to_exclude=_kept_in_float(onnx.load(prepared)),
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


def _kept_in_float(model: onnx.ModelProto) -> list[str]:
    """Return the names of the nodes that stay in float32: the first convolution, and a narrow first block behind it.

    int8 gains nothing there, since its dot products run along the channels. Where the first block ends in a bottleneck
    (a projection to no more channels than it reads, with no activation behind it, as in MobileNets) and reads few
    channels all the way, it stays too: what leaves it is a smaller map than any within it, and so the cheapest place
    to change over to int8.
    """
    nodes = list(model.graph.node)
    weights = {initializer.name: initializer.dims for initializer in model.graph.initializer}
    convolutions = [index for index, node in enumerate(nodes) if node.op_type == "Conv"]
    last = convolutions[0]
    for index in convolutions:
        outputs, reads = weights[nodes[index].input[1]][:2]
        groups = next((attribute.i for attribute in nodes[index].attribute if attribute.name == "group"), 1)
        if reads * groups > _FEW_CHANNELS:
            break
        readers = {reader.op_type for reader in nodes if nodes[index].output[0] in reader.input}
        if groups == 1 and outputs <= reads and readers <= {"Conv", "Add"}:
            last = index
            break
    return [node.name for node in nodes[: last + 1]]
