"""What a request wants explained, and in which form."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from handler.errors import InvalidFormat, UnknownClass

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


def parse_wanted(headers: Mapping[str, str], labels: Sequence[str]) -> Wanted:
    """Return what a request's headers ask for.

    Raises:
        InvalidFormat: neither png nor map.
        UnknownClass: no label and no index of one.
    """
    given = headers.get(FORMAT) or _FORMATS[0]
    if given not in _FORMATS:
        raise InvalidFormat(f"format must be png or map, not {given[:_NAMED]!r}.")
    return Wanted(cast(Literal["png", "map"], given), _index(_read(headers.get(CLASS, "")), labels))


def _read(text: str) -> str:
    """Return a header's text as it was meant: TorchServe reads as Latin-1 what everybody, the edge too, sends as UTF-8.

    What is no UTF-8 was Latin-1.
    """
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _index(text: str, labels: Sequence[str]) -> int | None:
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
