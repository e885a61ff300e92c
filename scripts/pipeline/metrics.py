"""How good answers are: accuracy, recall, ROC-AUC, calibration; over all images and over each group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from scripts.pipeline.answers import Answers
from scripts.pipeline.proportion import Proportion

_BINS = 15
_BINARY = 2
# A table of a thousand labels by a thousand is no evidence that anybody reads.
_MOST_LABELS_IN_CONFUSION = 20


@dataclass(frozen=True)
class Truth:
    """What is known of images.

    Attributes:
        labels: index of each image's label, [images].
        groups: kind of each, [images]; empty where there are no kinds.
        names: of the labels, by index.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    names: Sequence[str]

    def only(self, chosen: NDArray[np.bool_]) -> "Truth":
        """Return what is known of the chosen images, bool [images]."""
        return Truth(self.labels[chosen], self.groups[chosen], self.names)


@dataclass(frozen=True)
class Metrics:
    """Of answers to labelled images; shares of 1.

    Attributes:
        accuracy: top-1.
        recall: of each label that has images: how many of its images are given it.
        unseen: labels that have none.
        roc_auc: see `roc_auc`; None where all images have one label.
        calibration_error: see `calibration_error`.
        confusion: [true label][answered label], images.
    """

    accuracy: Proportion
    recall: dict[str, Proportion]
    unseen: tuple[str, ...]
    roc_auc: float | None
    calibration_error: float
    confusion: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, answers: Answers, truth: Truth) -> Self:
        """Return the metrics of answers to at least one image."""
        counts = np.zeros((len(truth.names), len(truth.names)), dtype=int)
        np.add.at(counts, (truth.labels, answers.classes), 1)
        recall = {
            label: Proportion(int(row[index]), int(row.sum()))
            for index, (label, row) in enumerate(zip(truth.names, counts, strict=True))
            if row.any()
        }
        return cls(
            Proportion(int(counts.trace()), len(truth.labels)),
            recall,
            tuple(label for label in truth.names if label not in recall),
            roc_auc(answers.probabilities, truth.labels),
            calibration_error(answers, truth.labels),
            tuple(tuple(int(count) for count in row) for row in counts),
        )

    @property
    def worst(self) -> str:
        """The label with the lowest recall."""
        return min(self.recall, key=lambda label: self.recall[label].share)

    def as_json(self) -> dict[str, Any]:
        """Return the figures for a program, to nine decimals; the structure is in `scripts.evaluate`."""
        return {
            "images": self.accuracy.of,
            "accuracy": round(self.accuracy.share, 9),
            "accuracy_95": interval(self.accuracy.interval_95),
            "recall": {
                label: {"images": found.of, "share": round(found.share, 9), "share_95": interval(found.interval_95)}
                for label, found in self.recall.items()
            },
            "roc_auc": None if self.roc_auc is None else round(self.roc_auc, 9),
            "calibration_error": round(self.calibration_error, 9),
            "confusion": self.confusion if len(self.confusion) <= _MOST_LABELS_IN_CONFUSION else None,
        }


def by_group(answers: Answers, truth: Truth) -> dict[str, Metrics]:
    """Return the metrics of each group of images, by name; none where the images are of one kind."""
    names = sorted(set(truth.groups.tolist()))
    if len(names) == 1:
        return {}
    masks = {name: truth.groups == name for name in names}
    return {name: Metrics.of(answers.only(mask), truth.only(mask)) for name, mask in masks.items()}


def roc_auc(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float | None:
    """Return the area under the ROC curve: of two labels that of the second, of more the mean of one against the rest.

    Labels without images, or to which all images belong, have no curve; None where no label has one.
    """
    count = probabilities.shape[1]
    candidates = [1] if count == _BINARY else range(count)
    areas = [
        roc_auc_score(labels == label, probabilities[:, label])
        for label in candidates
        if 0 < (labels == label).sum() < len(labels)
    ]
    return float(np.mean(areas)) if areas else None


def calibration_error(answers: Answers, labels: NDArray[np.int64]) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, on average.

    Over 15 bins of equal width of the first prediction's probability, weighted by their images (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599, equation 3). Never negative, and above 0 by chance alone on few images.
    """
    confidence = answers.confidence
    bins = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    excess = np.bincount(bins, weights=confidence - (answers.classes == labels), minlength=_BINS)
    return float(np.abs(excess).sum() / len(labels))


def interval(bounds: tuple[float, float]) -> list[float]:
    """Return an interval as evidence keeps it."""
    return [round(bound, 9) for bound in bounds]
