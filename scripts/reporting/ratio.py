"""Sample-ratio mismatch: do versions get the shares that the weights say? If not, nothing else can be believed.

The sequential test of multinomial counts by Lindon and Malek 2022, "Anytime-Valid Inference for Multinomial Count
Data", https://arxiv.org/abs/2011.03567: the Bayes factor of a Dirichlet distribution around the weights against the
weights themselves is a martingale as long as these are right, so it ever reaches 1/LEVEL with a probability of at most
LEVEL, however often somebody looks. Where the weights changed, the factors of the times between are multiplied, which
is one again.

It assumes that units are drawn one independently of another. Where users stay with their version the units are
users, each counted once, when it was first seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

LEVEL: Final = 0.01
# Of the Dirichlet distribution: as sure as after this many units. Lindon and Malek's own examples have about as many.
_CONCENTRATION = 100.0
_TOTAL = 100


@dataclass(frozen=True)
class Regime:
    """A time in which the weights did not change.

    Attributes:
        weights: percent by version, 100 in all.
        counts: units by version, of those with a weight.
    """

    weights: Mapping[str, int]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Ratio:
    """The check's result.

    Attributes:
        unit: `requests` or `users`.
        expected: units by version, by the weights.
        observed: the same, counted.
        p_value: that is valid at any time: the least level at which the test would have stopped now, at most 1.
        unchecked: why there was no check; empty where there was.
    """

    unit: str
    expected: Mapping[str, float]
    observed: Mapping[str, int]
    p_value: float
    unchecked: str = ""

    @property
    def broken(self) -> bool:
        """Whether the split is not the one that the weights say."""
        return self.p_value <= LEVEL

    def as_json(self) -> dict[str, Any]:
        """Return the figures for a program."""
        return {
            "unit": self.unit,
            "expected": {version: round(count, 1) for version, count in self.expected.items()},
            "observed": dict(self.observed),
            "p_value": self.p_value,
            "level": LEVEL,
            "broken": self.broken,
            "unchecked": self.unchecked or None,
        }


def check(unit: str, regimes: Iterable[Regime]) -> Ratio:
    """Return what the counts say of the weights."""
    expected: dict[str, float] = {}
    observed: dict[str, int] = {}
    factor = 0.0
    for regime in regimes:
        versions = [version for version, weight in regime.weights.items() if weight]
        counts = np.array([regime.counts.get(version, 0) for version in versions], dtype=float)
        weights = np.array([regime.weights[version] for version in versions]) / _TOTAL
        factor += float(log_factor(counts, weights))
        for version, count, weight in zip(versions, counts, weights, strict=True):
            expected[version] = expected.get(version, 0.0) + float(counts.sum() * weight)
            observed[version] = observed.get(version, 0) + int(count)
    return Ratio(unit, expected, observed, float(np.exp(-max(factor, 0.0))))


def log_factor(counts: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the Bayes factor against the weights.

    Args:
        counts: of units, [..., versions].
        weights: above 0, 1 in all, [versions].
    """
    prior = _CONCENTRATION * weights
    total = counts.sum(axis=-1)
    of_mixture = (
        gammaln(_CONCENTRATION)
        - gammaln(_CONCENTRATION + total)
        + (gammaln(prior + counts) - gammaln(prior)).sum(axis=-1)
    )
    return np.asarray(of_mixture - xlogy(counts, weights).sum(axis=-1))
