"""A share of counted things, and how sure it is."""

import math
from dataclasses import dataclass

Z_95 = 1.959964
"""Quantile of the normal distribution that leaves 2.5 % above."""


@dataclass(frozen=True)
class Proportion:
    """`count` of `of`, at least 1."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """Of 1."""
        return self.count / self.of

    @property
    def interval_95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share (Wilson 1927, https://doi.org/10.2307/2276774)."""
        n, share = self.of, self.share
        middle = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
        half = Z_95 / (1 + Z_95**2 / n) * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n * n))
        return middle - half, middle + half
