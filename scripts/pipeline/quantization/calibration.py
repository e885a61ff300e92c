"""Which calibration suits the model, judged by images that it did not see."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod

from handler.engine import Engine
from scripts.pipeline.quantization.noise import decibels
from scripts.pipeline.quantization.variants import Material
from scripts.pipeline.quantize import METHOD, MIN_CALIBRATION_IMAGES, quantize

METHODS = (CalibrationMethod.MinMax, CalibrationMethod.Percentile, CalibrationMethod.Entropy)
FEW = (MIN_CALIBRATION_IMAGES, 25)
"""What a small folder of images leaves to calibrate with."""


@dataclass(frozen=True)
class Calibrated:
    """The int8 graph after one calibration.

    Attributes:
        method: how ranges were found.
        images: that it was given.
        logits_db: signal to noise of the logits, dB, on images that were not given.
        agreement: share of them with the float32 graph's label.
    """

    method: str
    images: int
    logits_db: float
    agreement: float


def compare(material: Material, held_out: NDArray[np.uint8]) -> list[Calibrated]:
    """Return every method with all calibration images, then the archives' own with few.

    Args:
        material: with the images to calibrate with.
        held_out: uint8 [images, 3, crop, crop], to judge by; of the val part, never of the test part.
    """
    every = len(material.calibration)
    trials = [(method, every) for method in METHODS] + [(METHOD, count) for count in FEW if count < every]
    exact = Engine.load(material.graph, "fp32", threads=1).logits(held_out)
    return [_trial(material, held_out, exact, method, count) for method, count in trials]


def best(trials: list[Calibrated]) -> Calibrated:
    """Return the trial with the least noise among those with the most images."""
    most = max(trial.images for trial in trials)
    return max((trial for trial in trials if trial.images == most), key=lambda trial: trial.logits_db)


def _trial(
    material: Material, held_out: NDArray[np.uint8], exact: NDArray[np.float32], method: CalibrationMethod, count: int
) -> Calibrated:
    chosen = np.linspace(0, len(material.calibration) - 1, count).astype(int)
    graph = material.folder / f"{method.name}_{count}.onnx"
    quantize(material.graph, material.calibration[chosen], graph, method=method)
    rounded = Engine.load(graph, "int8", threads=1).logits(held_out)
    agreement = float((rounded.argmax(axis=1) == exact.argmax(axis=1)).mean())
    return Calibrated(method.name, count, decibels(exact, rounded), agreement)
