"""The gate: a version that lost accuracy gets no archive."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.engine import Engine
from scripts.pipeline.spec import Gate


@dataclass(frozen=True)
class Measured:
    """One graph on the held-out images; fractions of 1.

    Attributes:
        accuracy: top-1.
        drop: accuracy of the float32 graph minus this one's.
        agreement: share of images on which this graph's top-1 is the float32 graph's.
    """

    accuracy: float
    drop: float
    agreement: float


@dataclass(frozen=True)
class Verdict:
    """What the gate found.

    Attributes:
        images: held-out images looked at.
        thresholds: that had to be met.
        measured: by graph: `float32`, and for an int8 archive `int8 arithmetic` and `fp32 arithmetic`.
        failures: a sentence for each threshold missed; none when the version may be archived.
    """

    images: int
    thresholds: Gate
    measured: dict[str, Measured]
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the version may be archived."""
        return not self.failures

    def evidence(self) -> dict[str, Any]:
        """Return the verdict as it is kept in the archive, figures to six decimals."""
        figures = {
            graph: {name: round(value, 6) for name, value in asdict(measured).items()}
            for graph, measured in self.measured.items()
        }
        return {"images": self.images, "thresholds": self.thresholds.model_dump(), "measured": figures}


def classify(engine: Engine, images: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the top-1 class of each image, [images].

    Args:
        engine: of one graph.
        images: uint8 [images, crop, crop, 3].
    """
    classes: NDArray[np.intp] = engine.logits(images).argmax(axis=1)
    return classes


def judge(
    float32: NDArray[np.intp], int8: dict[str, NDArray[np.intp]], labels: NDArray[np.intp], thresholds: Gate
) -> Verdict:
    """Return the verdict on classifications of the held-out images.

    Args:
        float32: top-1 class by the float32 graph, [images].
        int8: the same by each arithmetic of an int8 archive; empty for a float32 one.
        labels: the true classes, [images].
        thresholds: from the model's spec.
    """
    reference = float((float32 == labels).mean())
    measured = {"float32": Measured(reference, 0.0, 1.0)}
    for arithmetic, classes in int8.items():
        accuracy = float((classes == labels).mean())
        agreement = float((classes == float32).mean())
        measured[f"{arithmetic} arithmetic"] = Measured(accuracy, reference - accuracy, agreement)
    failures = [failure for graph, figures in measured.items() for failure in _misses(graph, figures, thresholds)]
    return Verdict(len(labels), thresholds, measured, tuple(failures))


def _misses(graph: str, figures: Measured, thresholds: Gate) -> list[str]:
    checks = (
        (figures.accuracy >= thresholds.min_accuracy, "accuracy", figures.accuracy, "min_accuracy"),
        (figures.drop <= thresholds.max_drop, "drop", figures.drop, "max_drop"),
        (figures.agreement >= thresholds.min_agreement, "agreement", figures.agreement, "min_agreement"),
    )
    return [
        f"{graph}: {name} {value:.2%} misses {key} {getattr(thresholds, key):.2%}"
        for passed, name, value, key in checks
        if not passed
    ]
