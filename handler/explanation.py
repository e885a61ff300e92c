"""What is to be explained, and what is said: Grad-CAM of one class (Selvaraju et al. 2017, arXiv:1610.02391)."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from handler.errors import InvalidFormat, UnknownClass
from handler.metadata import Preprocessing
from handler.responses import DECIMALS, softmax

CLASS = "x-class"
FORMAT = "x-format"
_FORMATS = ("png", "map")
_NAMED = 40
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Wanted:
    """What a client wants explained.

    Attributes:
        format: `png`, the map over the image; `map`, its numbers.
        index: of the class; None: whichever is the most probable.
    """

    format: Literal["png", "map"]
    index: int | None


@dataclass(frozen=True)
class Explained:
    """One image's explanation.

    Attributes:
        index: of the class.
        weights: float32 [rows, columns] of the last feature map, 0 to 1, and 1 somewhere.
        peak: by which they were divided; 0 where nothing in the image speaks for the class, and so all weights are 0.
    """

    index: int
    weights: NDArray[np.float32]
    peak: float

    @classmethod
    def of(cls, logits: NDArray[np.float32], found: NDArray[np.float32], index: int | None) -> "Explained":
        """Return the explanation by the engine's map, float32 [rows, columns], at least 0."""
        peak = float(found.max())
        return cls(int(logits.argmax()) if index is None else index, found / peak if peak > 0 else found, peak)


def parse_wanted(headers: Mapping[str, str], labels: Sequence[str]) -> Wanted:
    """Return what a request's headers ask for.

    Raises:
        InvalidFormat: neither png nor map.
        UnknownClass: no label and no index of one.
    """
    given = headers.get(FORMAT) or _FORMATS[0]
    if given not in _FORMATS:
        raise InvalidFormat(f"format must be png or map, not {given[:_NAMED]!r}.")
    return Wanted(cast(Literal["png", "map"], given), _index(headers.get(CLASS), labels))


def _index(text: str | None, labels: Sequence[str]) -> int | None:
    """Return the class that `text` names. A label first: labels may be numbers."""
    if not text:
        return None
    if text in labels:
        return labels.index(text)
    if text.isascii() and text.isdigit() and int(text[:_MOST_DIGITS]) < len(labels) and len(text) <= _MOST_DIGITS:
        return int(text)
    near = difflib.get_close_matches(text[:_NAMED], labels, n=1, cutoff=0)
    raise UnknownClass(
        f"class {text[:_NAMED]!r} is unknown; "
        f"the nearest label is {near[0]!r}, and indices go from 0 to {len(labels) - 1}."
    )


def region(shape: tuple[int, int], to: Preprocessing) -> dict[str, float]:
    """Return where the network's square lies in an upright image, as fractions of its width and height.

    Args:
        shape: the image's rows and columns.
        to: the archive's description.
    """
    (top, bottom), (left, right) = (_span(side, min(shape), to) for side in shape)
    return {"left": left, "top": top, "right": right, "bottom": bottom}


def _span(side: int, shorter: int, to: Preprocessing) -> tuple[float, float]:
    scaled = round(side * to.resize / shorter)
    start = (scaled - to.crop) // 2
    return round(start / scaled, DECIMALS), round((start + to.crop) / scaled, DECIMALS)


def as_json(
    explained: Explained, logits: NDArray[np.float32], labels: Sequence[str], where: Mapping[str, float]
) -> dict[str, Any]:
    """Return what the contract's `explanation` says of one image."""
    return {
        "label": labels[explained.index],
        "index": explained.index,
        "probability": round(float(softmax(logits)[explained.index]), DECIMALS),
        "method": "grad-cam",
        "map": [[round(float(weight), DECIMALS) for weight in row] for row in explained.weights],
        "peak": round(explained.peak, DECIMALS),
        "region": dict(where),
    }
