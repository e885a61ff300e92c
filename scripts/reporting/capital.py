"""Confidence sequences for a mean of bounded values, by betting: valid however often, and whenever, somebody looks.

For each mean that might be the true one, somebody bets against it, fairly: a capital of 1 is multiplied at every value
by `1 - l + l * value / mean`. If the mean is right, no way of betting makes the capital reach 1/level at *any* time
with a probability above `level` (Ville 1939). So the means that are not yet refuted by that much are an interval that
covers the true one at all times together: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables
by betting", https://arxiv.org/abs/2010.09686. The bets are what they call diversified Kelly betting: the mean of the
capitals of fixed stakes `l`, half of the level against means that are too small, half against those too large. It
holds for every number of values, small ones and rare events too; nothing is normal in it.

It assumes that a value's expectation, given all before it, is the mean in question. It does not assume that values are
equally distributed otherwise. With fixed stakes the capital does not depend on the order of values.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# From bets that fit a difference of half a point among coin throws to those that fit one of rare events.
STAKES: Final[Floats] = np.geomspace(0.004, 0.9, 16)
_SMALLEST = 1e-12
_STEPS = 40
_LARGEST_COUNT = 1e9
Z_80 = 0.841621
"""Quantile of the normal distribution with 80 % below."""


def log_growth(values: Floats, mean: float) -> Floats:
    """Return the logarithms of what one value makes of the capital, by stake, [values, stakes].

    Args:
        values: in 0 to 1.
        mean: the greatest of the means that are bet against, in 0 to 1.
    """
    return np.log(1 - STAKES + STAKES * (values[:, None] / max(mean, _SMALLEST)))


def log_capital(values: Floats, counts: Floats, mean: float) -> Floats:
    """Return the logarithm of the capital of who bets that the true mean is above `mean`.

    Args:
        values: that occur, in 0 to 1, [values].
        counts: how often each did, [..., values].
        mean: in 0 to 1.
    """
    by_stake = counts @ log_growth(values, mean)
    most = by_stake.max(axis=-1)
    return np.asarray(most + np.log(np.exp(by_stake - most[..., None]).mean(axis=-1)))


def interval(values: Floats, counts: Floats, level: float) -> tuple[float, float]:
    """Return the confidence sequence's interval of the mean, (0, 1) where there are no values.

    Args:
        values: that occurred, in 0 to 1, [values].
        counts: how often each did, [values].
        level: probability that the interval ever misses the mean.
    """
    if not counts.sum():
        return 0.0, 1.0
    enough = math.log(2 / level)
    low = _boundary(lambda mean: float(log_capital(values, counts, mean)) >= enough)
    high = 1 - _boundary(lambda mean: float(log_capital(1 - values, counts, mean)) >= enough)
    # Crossed only where the values contradict every single mean.
    return min(low, high), max(low, high)


def needed(values: Floats, shares: Floats, mean: float, level: float) -> float:
    """Return how many values refute means up to `mean` in four of five cases; infinity where they don't.

    Of N values the sum then lies at most 0.84 standard deviations below what is expected, and of such values the
    capital has to reach 2/level. The test holds this figure against simulation.

    Args:
        values: that may occur, in 0 to 1, [values].
        shares: probability of each, [values].
        mean: smaller than theirs.
        level: as in `interval`.
    """
    expected = float(values @ shares)
    deviation = math.sqrt(max(float((values - expected) ** 2 @ shares), 0.0))
    enough = math.log(2 / level)

    def refuted(count: float) -> bool:
        # A lower mean of the same values: mixed with what is expected to occur where all of them are smallest.
        unlucky = max(expected - Z_80 * deviation / math.sqrt(count), 0.0)
        shifted = values * (unlucky / expected) if expected else values
        return bool(log_capital(shifted, count * shares, mean) >= enough)

    high = 1.0
    while not refuted(high):
        high *= 2
        if high > _LARGEST_COUNT:
            return math.inf
    low = high / 2
    for _ in range(_STEPS // 2):
        middle = (low + high) / 2
        low, high = (low, middle) if refuted(middle) else (middle, high)
    return float(math.ceil(high))


def _boundary(refuted: Callable[[float], bool]) -> float:
    """Return the smallest mean that is not refuted; the capital falls as the mean grows, so halving finds it."""
    low, high = 0.0, 1.0
    if refuted(high):
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low
