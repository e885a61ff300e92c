"""What a model answers to labelled images, wherever the answers come from: a graph, an archive, a running server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from handler.responses import DECIMALS, softmax
from scripts.errors import UserError

CONFIDENCE_BINS = 20
"""Of equal width from 0 to 1."""


@dataclass(frozen=True)
class Answers:
    """The same figures for the same answers: probabilities have the digits that a client gets.

    Attributes:
        classes: index of each image's first prediction, [images].
        probabilities: of every label, float64 [images, labels].
    """

    classes: NDArray[np.intp]
    probabilities: NDArray[np.float64]

    @classmethod
    def of_logits(cls, logits: NDArray[np.float32]) -> Self:
        """Return what the handler answers to logits, float32 [images, labels]."""
        return cls(logits.argmax(axis=1), np.round(softmax(logits), DECIMALS))

    @classmethod
    def of_bodies(cls, bodies: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Self:
        """Return the answers in a server's decoded JSON, a body for each image.

        Raises:
            UserError: a body is an error, leaves out a label, or names others than `labels`.
        """
        rows = [_predictions(body, labels) for body in bodies]
        probabilities = np.zeros((len(rows), len(labels)))
        for image, predictions in enumerate(rows):
            for prediction in predictions:
                probabilities[image, prediction["index"]] = prediction["probability"]
        return cls(np.array([predictions[0]["index"] for predictions in rows]), probabilities)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of each image's first prediction, [images]."""
        return self.probabilities[np.arange(len(self.classes)), self.classes]

    def confidence_counts(self) -> tuple[int, ...]:
        """Return how many images have a confidence in each of the bins; 1 is in the last one."""
        bins = np.minimum(np.floor(self.confidence * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
        return tuple(np.bincount(bins, minlength=CONFIDENCE_BINS).tolist())

    def only(self, chosen: NDArray[np.bool_]) -> "Answers":
        """Return those to the chosen images, bool [images]."""
        return Answers(self.classes[chosen], self.probabilities[chosen])


def _predictions(body: Mapping[str, Any], labels: Sequence[str]) -> list[dict[str, Any]]:
    predictions = body.get("predictions")
    if not isinstance(predictions, list):
        raise UserError(f"an image was refused: {body.get('error', body)}")
    if {prediction["index"]: prediction["label"] for prediction in predictions} != dict(enumerate(labels)):
        named = ", ".join(prediction["label"] for prediction in predictions)
        raise UserError(f"the answer names {named}; the spec's labels are {', '.join(labels)}: is it another model?")
    return predictions
