"""From the server's JSON to answers; whatever is missing or of another kind is an UnexpectedAnswer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mobilenet_v3_client.answers import Class, Explanation, Prediction, Region
from mobilenet_v3_client.errors import UnexpectedAnswer
from mobilenet_v3_client.transport import Answer

_PNG = b"\x89PNG\r\n\x1a\n"
Parsed = TypeVar("Parsed")


def prediction(answer: Answer) -> Prediction:
    """Return the prediction that an answer holds."""
    return _parsed(answer, _prediction)


def explanation(answer: Answer) -> Explanation:
    """Return the explanation that an answer holds."""
    return _parsed(answer, _explanation)


def png(answer: Answer) -> bytes:
    """Return the picture that an answer is."""
    if not answer.body.startswith(_PNG):
        raise UnexpectedAnswer("200 without a PNG; is it this server?", status=200)
    return answer.body


def _parsed(answer: Answer, parse: Callable[[Any, float], Parsed]) -> Parsed:
    said = answer.json()
    try:
        return parse(said, answer.round_trip_ms)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__} {error}"
        raise UnexpectedAnswer(f"200 with other JSON than expected ({reason})", status=200) from error


def _prediction(said: Any, round_trip_ms: float) -> Prediction:
    classes = tuple(Class(row["label"], row["index"], row["probability"]) for row in said["predictions"])
    _ = classes[0]  # an answer without any is none
    return Prediction(classes, said["model"], said["version"], said["request_id"], round_trip_ms)


def _explanation(said: Any, round_trip_ms: float) -> Explanation:
    about = said["explanation"]
    region = about["region"]
    return Explanation(
        label=about["label"],
        index=about["index"],
        probability=about["probability"],
        method=about["method"],
        map=tuple(tuple(float(value) for value in row) for row in about["map"]),
        peak=about["peak"],
        region=Region(region["left"], region["top"], region["right"], region["bottom"]),
        model=said["model"],
        version=said["version"],
        request_id=said["request_id"],
        round_trip_ms=round_trip_ms,
    )
