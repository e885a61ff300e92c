"""A figure that was measured in several rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self


@dataclass(frozen=True)
class Spread:
    """A median and the smallest and largest of `count` values.

    Of five independent rounds, smallest and largest hold the true median with a probability of 94 %
    (1 - 2 / 2**5), whatever the distribution.
    """

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of at least one value."""
        return cls(median(values), min(values), max(values), len(values))

    def text(self, digits: int = 2) -> str:
        """Return e.g. `1.62 (1.55 to 1.70)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"
