"""Logits or an error → the bytes that the client gets."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.errors import InvalidTopK, RequestError

# Enough for any decision, and short: float32 softmax itself is only good to about 1e-7.
DECIMALS = 6


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        status: HTTP status.
        body: JSON in UTF-8, or what `content_type` says.
        content_type: of the body.
    """

    status: int
    body: bytes
    content_type: str = "application/json"

    @property
    def phrase(self) -> str:
        """The status line's reason, in ASCII."""
        return HTTPStatus(self.status).phrase


def parse_top_k(text: str | None, default: int) -> int:
    """Return the number of predictions asked for, at least 1.

    Raises:
        InvalidTopK: `text` is not a positive integer.
    """
    if text is None:
        return default
    # isascii: "²".isdigit() is true. The length keeps int() from its own limit on digits.
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise InvalidTopK(f"top_k must be a positive integer, not {text[:40]!r}.")
    return int(text.lstrip("0")[:9])


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities, float64 [..., classes], of logits, float32 [..., classes]."""
    exponentials = np.exp((logits - logits.max(axis=-1, keepdims=True)).astype(np.float64))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


def rank(logits: NDArray[np.float32], labels: tuple[str, ...], top_k: int) -> list[dict[str, Any]]:
    """Return the `top_k` most probable classes, best first, as `label`, `index` and `probability` (0 to 1).

    Args:
        logits: float32 [classes].
        labels: by class index.
        top_k: at least 1; more than there are classes gives all of them.
    """
    probabilities = softmax(logits)
    best = np.argsort(-probabilities, kind="stable")[:top_k]
    return [
        {"label": labels[index], "index": int(index), "probability": round(float(probabilities[index]), DECIMALS)}
        for index in best
    ]


def answer(model: str, version: str, request_id: str | None, **found: Any) -> Reply:
    """Return the reply of a success; `found` is what it says beside who said it."""
    content = {"model": model, "version": version, "request_id": request_id, **found}
    return Reply(HTTPStatus.OK, _encode(content))


def refuse(error: RequestError) -> Reply:
    """Return the reply that tells a client what is wrong with its request."""
    return Reply(error.status, _encode({"error": {"code": error.code, "message": str(error)}}))


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
