"""A batch's answers → what the prediction log says of each image."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handler.errors import RequestError
from handler.request import Prepared, Request
from handler.responses import DECIMALS, rank
from handler.service import BatchReport

# The edge sets both, and takes them off whatever comes from outside.
USER = "x-prediction-user"
SHADOW = "x-prediction-shadow"
_HASHES = 1 << 64


@dataclass(frozen=True)
class Prediction:
    """One line of the log, but that its user is not hashed yet.

    Attributes:
        user: who asked, as the edge says; None: nobody in particular.
        content: all else, by the names in docs/predictions.md.
    """

    user: str | None
    content: dict[str, Any]


def sampled(request_id: str | None, share: float) -> bool:
    """Return whether a request is among those to log: the same for every process that is asked about the same id.

    Args:
        request_id: None: drawn at random.
        share: of the requests, 0 to 1.
    """
    if share >= 1 or request_id is None:
        return random.random() < share
    digest = hashlib.blake2b(request_id.encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest) < share * _HASHES


def of_batch(batch: BatchReport, version: str, labels: tuple[str, ...], share: float) -> Iterator[Prediction]:
    """Give what is to be logged of a batch, image by image; of a refused request, the image that was refused.

    Explanations are not logged.

    Args:
        batch: answered just now.
        version: that answered.
        labels: by class index.
        share: of the requests to log, 0 to 1.
    """
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ms = round((batch.preprocess_s + batch.inference_s) * 1000, 2)
    for request, outcome, logits in batch.outcomes:
        # What is asked why was asked what before: one image would be two.
        if request.explains or not sampled(request.id, share):
            continue
        user = request.headers.get(USER) or None
        said = {"time": time, "request_id": request.id, "version": version, "shadow": is_shadow(request)}
        if isinstance(outcome, RequestError):
            yield Prediction(user, {**said, "image": _digest(outcome.image), "error": outcome.code, "ms": ms})
        elif isinstance(outcome, Prepared):
            for encoded, row in zip(outcome.encoded, logits, strict=True):
                best, second = rank(row, labels, 2)
                margin = round(best["probability"] - second["probability"], DECIMALS)
                yield Prediction(user, {**said, "image": _digest(encoded), **best, "margin": margin, "ms": ms})


def is_shadow(request: Request) -> bool:
    """Return whether a request is a copy of one that another version answers."""
    return request.headers.get(SHADOW) == "true"


def _digest(encoded: bytes | None) -> str | None:
    return None if encoded is None else hashlib.sha256(encoded).hexdigest()
