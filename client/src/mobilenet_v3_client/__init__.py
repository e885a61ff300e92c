"""Asks a MobileNetV3 edge about images: `Client("http://127.0.0.1:8000").predict("cell.png").label`."""

from mobilenet_v3_client.answers import Class, Explanation, Health, Outcome, Prediction, Region
from mobilenet_v3_client.client import Client
from mobilenet_v3_client.errors import (
    DeadlineExceeded,
    InvalidImage,
    InvalidRequest,
    MobileNetV3Error,
    NotFound,
    Overloaded,
    Refused,
    ServerError,
    TryLater,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    UnreadableSource,
)
from mobilenet_v3_client.retries import Retries

__all__ = [
    "Class",
    "Client",
    "DeadlineExceeded",
    "Explanation",
    "Health",
    "InvalidImage",
    "InvalidRequest",
    "MobileNetV3Error",
    "NotFound",
    "Outcome",
    "Overloaded",
    "Prediction",
    "Refused",
    "Region",
    "Retries",
    "ServerError",
    "TryLater",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
    "UnreadableSource",
]
