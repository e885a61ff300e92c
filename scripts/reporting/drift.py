"""Drift: has the mix of answers, or their confidence, moved from where it was?

The population stability index of two distributions over the same bins, sum of (p - q) ln(p / q); 0 is the same. By the
usage of credit scoring below 0.1 is little and above 0.25 is much. Of two samples of the same distribution it is not 0
but about chi-squared with bins - 1 degrees of freedom, times the sum of 1 / size (Yurdakul 2018,
https://scholarworks.wmich.edu/dissertations/3208): what that explains is called no drift,
so few answers don't raise one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

LITTLE, MUCH = 0.1, 0.25
# Keeps an empty bin from making the index infinite.
_PSEUDO_COUNT = 0.5
_QUANTILE = 0.99


@dataclass(frozen=True)
class Drift:
    """One distribution held against another.

    Attributes:
        version: of the answers.
        of: `class mix` or `confidence`.
        against: what the other distribution is.
        index: population stability index.
        noise: that chance alone exceeds once in a hundred times.
        answers: of the version.
    """

    version: str
    of: str
    against: str
    index: float
    noise: float
    answers: int

    @property
    def words(self) -> str:
        """`none`, `little` or `much`."""
        if self.index <= max(LITTLE, self.noise):
            return "none"
        return "much" if self.index > MUCH else "little"

    def as_json(self) -> dict[str, Any]:
        """Return the figures for a program."""
        return {
            "version": self.version,
            "of": self.of,
            "against": self.against,
            "index": round(self.index, 6),
            "noise": round(self.noise, 6),
            "answers": self.answers,
            "drift": self.words,
        }


def stability_index(counts: Sequence[int], reference: Sequence[int]) -> tuple[float, float]:
    """Return the index and its noise, of counts in the same bins; bins that are empty in both don't count."""
    kept = [(one, other) for one, other in zip(counts, reference, strict=True) if one or other]
    if len(kept) <= 1:
        return 0.0, 0.0
    found = np.array(kept, dtype=float).T
    p, q = (found + _PSEUDO_COUNT) / (found + _PSEUDO_COUNT).sum(axis=1, keepdims=True)
    noise = float(chi2.ppf(_QUANTILE, len(kept) - 1) * (1 / found.sum(axis=1).clip(min=1)).sum())
    return float(((p - q) * np.log(p / q)).sum()), noise


def drift(version: str, of: str, against: str, counts: Mapping[Any, int], reference: Mapping[Any, int]) -> Drift | None:
    """Return the drift between two histograms by bin or label; None where one is empty."""
    bins = sorted({*counts, *reference})
    own, other = ([histogram.get(each, 0) for each in bins] for histogram in (counts, reference))
    if not sum(own) or not sum(other):
        return None
    index, noise = stability_index(own, other)
    return Drift(version, of, against, index, noise, sum(own))
