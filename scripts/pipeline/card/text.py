"""Pieces of Markdown: figures with their intervals, names that may hold anything."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def percent(share: float) -> str:
    """A share of 1, e.g. `84.56 %`; no minus before a zero."""
    return f"{round(100 * share, 2) + 0:.2f} %"


def between(interval: Sequence[float]) -> str:
    """An interval of shares, e.g. `81.59 to 87.12 %`."""
    low, high = (round(100 * bound, 2) + 0 for bound in interval)
    return f"{low:.2f} to {high:.2f} %"


def with_interval(share: float, interval: Sequence[float]) -> str:
    """A share with its interval in brackets."""
    return f"{percent(share)} ({between(interval)})"


def plain(text: str) -> str:
    """Text that shows as it is, also in a table's cell."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text in the fixed font, also in a table's cell; what that can't hold becomes plain."""
    held = "`" not in text and "|" not in text and text == " ".join(text.split())
    return f"`{text}`" if held and text else plain(text)


def words(value: Any) -> str:
    """A value of a recipe: keys and values one after the other, a list by its commas."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {words(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(words, value))
    return "none" if value is None else str(value)
