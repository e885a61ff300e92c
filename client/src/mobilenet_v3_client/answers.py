"""What the server says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from mobilenet_v3_client.errors import MobileNetV3Error

Source = TypeVar("Source")


@dataclass(frozen=True)
class Class:
    """One of the model's classes, and how probable it is for an image.

    Attributes:
        label: its name.
        index: its place in the model's list of labels.
        probability: 0 to 1.
    """

    label: str
    index: int
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What one version of the model sees in one image.

    Attributes:
        classes: the most probable ones, best first; as many as `top_k` asks for.
        model: the name it is served under.
        version: the one that answered.
        request_id: by which the server's logs name the request.
        round_trip_ms: from sending the try that was answered to its last byte.
        tries: how often it was asked, 1 as a rule.
    """

    classes: tuple[Class, ...]
    model: str
    version: str
    request_id: str
    round_trip_ms: float
    tries: int = 1

    @property
    def label(self) -> str:
        """Of the most probable class."""
        return self.classes[0].label

    @property
    def index(self) -> int:
        """Of the most probable class."""
        return self.classes[0].index

    @property
    def probability(self) -> float:
        """Of the most probable class, 0 to 1."""
        return self.classes[0].probability

    def as_dict(self) -> dict[str, Any]:
        """Return the server's answer, as JSON has it."""
        rows = [asdict(row) for row in self.classes]
        return {"model": self.model, "version": self.version, "request_id": self.request_id, "predictions": rows}


@dataclass(frozen=True)
class Region:
    """A part of an image, upright as a viewer shows it, in fractions of its width and height."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Explanation:
    """Where in an image the evidence for a class lies.

    Attributes:
        label: of the class that is explained.
        index: of that class.
        probability: of that class, 0 to 1.
        method: how the map was made.
        map: [rows][columns], 0 to 1.
        peak: the map's maximum before it was divided by it.
        region: where in the image the map lies; the network sees a part of it.
        model: the name it is served under.
        version: the one that answered.
        request_id: by which the server's logs name the request.
        round_trip_ms: from sending the try that was answered to its last byte.
    """

    label: str
    index: int
    probability: float
    method: str
    map: tuple[tuple[float, ...], ...]
    peak: float
    region: Region
    model: str
    version: str
    request_id: str
    round_trip_ms: float


@dataclass(frozen=True)
class Health:
    """Whether the server answers predictions.

    Attributes:
        ready: every version that has traffic has a worker.
        status: `ok`, or the code of what is missing, as in `not_ready`.
    """

    ready: bool
    status: str


@dataclass(frozen=True)
class Outcome(Generic[Source]):
    """What became of one of many images: a prediction, or an error of its own.

    Attributes:
        index: its place among those that were given, from 0.
        source: what was given.
        prediction: None: there is an error.
        error: None: there is a prediction.
    """

    index: int
    source: Source
    prediction: Prediction | None
    error: MobileNetV3Error | None

    def result(self) -> Prediction:
        """Return the prediction, or raise the error."""
        if self.prediction is None:
            raise self.error or AssertionError("an outcome has one of both")
        return self.prediction
