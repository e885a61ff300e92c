"""What a careful user of ONNX Runtime makes of the same checkpoint: the peers run this graph."""

import statistics
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from handler.metadata import Preprocessing
from scripts.pipeline.images import calibration_images
from scripts.pipeline.spec import Spec
from scripts.pipeline.weights import load_network

INPUT = "input"
_BATCH = 8
_ROUNDS = 30


@dataclass(frozen=True)
class UsualGraph:
    """The faster of the two usual graphs on this machine.

    Attributes:
        path: ONNX, float32 [batch, 3, crop, crop] in, normalised by mean and deviation; logits out.
        precision: `float32` or `int8`.
        ms: of an image by precision, in batches of eight on one thread, medians.
    """

    path: Path
    precision: str
    ms: dict[str, float]

    def describe(self) -> str:
        """Return which one it is, and why."""
        times = ", ".join(f"{precision} {ms:.2f} ms an image" for precision, ms in self.ms.items())
        return f"{self.precision}, the faster one here ({times})"


def build(spec: Spec, folder: Path) -> UsualGraph:
    """Write both usual graphs to `folder` and return the faster one.

    They are made as PyTorch's and ONNX Runtime's documentation shows: the network alone is exported, its input already
    normalised; and quantized statically in QDQ form, per channel, with the same calibration images as the product's.

    Args:
        spec: of the model; its own checkpoint.
        folder: where they go.
    """
    paths = {precision: folder / f"usual_{precision}.onnx" for precision in ("float32", "int8")}
    side = spec.preprocessing.crop
    with warnings.catch_warnings():
        # The older exporter: with the newer one ONNX Runtime runs this network slower (scripts/pipeline/export.py).
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            load_network(spec, None),
            (torch.zeros(1, 3, side, side),),
            str(paths["float32"]),
            dynamo=False,
            opset_version=17,
            input_names=[INPUT],
            output_names=["logits"],
            dynamic_axes={INPUT: {0: "batch"}, "logits": {0: "batch"}},
        )
    prepared = folder / "usual_prepared.onnx"
    quant_pre_process(str(paths["float32"]), str(prepared), skip_symbolic_shape=True)
    images = _normalised(calibration_images(spec), spec.preprocessing)
    quantize_static(str(prepared), str(paths["int8"]), _Images(images), quant_format=QuantFormat.QDQ, per_channel=True)
    times = _times(paths, images[:_BATCH])
    fastest = min(times, key=lambda precision: times[precision])
    return UsualGraph(paths[fastest], fastest, times)


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Feeds one image after the other."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._left = iter(images)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next image by the graph's input name, or None after the last one."""
        image = next(self._left, None)
        return None if image is None else {INPUT: image[np.newaxis]}


def _normalised(images: NDArray[np.uint8], to: Preprocessing) -> NDArray[np.float32]:
    mean, std = (np.array(value, np.float32).reshape(3, 1, 1) for value in (to.mean, to.std))
    return ((images / np.float32(255) - mean) / std).astype(np.float32)


def _times(paths: dict[str, Path], images: NDArray[np.float32]) -> dict[str, float]:
    """Return ms of an image by precision; the graphs take turns."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = {precision: onnxruntime.InferenceSession(str(path), options) for precision, path in paths.items()}
    spent: dict[str, list[float]] = {precision: [] for precision in paths}
    for _ in range(_ROUNDS):
        for precision, session in sessions.items():
            started = time.thread_time()
            session.run(["logits"], {INPUT: images})
            spent[precision].append(1e3 * (time.thread_time() - started) / len(images))
    return {precision: statistics.median(times) for precision, times in spent.items()}
