"""One kind of bad outcome of two versions: how far apart they are at most and at least, and what would settle it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Literal

import numpy as np
from scipy.stats import binom

from scripts.reporting.blocks import sizes
from scripts.reporting.capital import Floats, interval, needed
from scripts.reporting.outcomes import Outcomes

FAMILY_LEVEL: Final = 0.05
"""Probability that any interval of the page ever misses."""
LEVEL: Final = FAMILY_LEVEL / 3
"""Of one of the three: errors, slow answers, wrong answers."""
FEWEST: Final = 50
"""Outcomes of each version before anything is said of them."""

TOLERATED: Final[Mapping[str, float]] = {"errors": 0.01, "slow": 0.02, "wrong": 0.03}
"""Share of 1 that a candidate may have more than the baseline, where nobody says otherwise."""

State = Literal["no worse", "worse", "open"]


@dataclass(frozen=True)
class Comparison:
    """The candidate's share of bad outcomes less the baseline's, of 1.

    Attributes:
        of: `errors`, `slow` or `wrong`.
        outcomes: that were compared.
        tolerated: difference that a candidate may have.
        estimate: mean of the blocks' differences; 0 without any.
        interval: that covers the difference at all looks together; together with the other two with 95 %.
        needed: outcomes of both versions that settle it in four of five cases: a loss of what is tolerated is found,
            and a candidate that is like the baseline is cleared.
    """

    of: str
    outcomes: Outcomes
    tolerated: float
    estimate: float
    interval: tuple[float, float]
    needed: float

    @classmethod
    def of_outcomes(cls, of: str, outcomes: Outcomes, tolerated: float) -> "Comparison":
        """Return the comparison of outcomes, of which there may be none."""
        found = outcomes.differences
        values, counts = np.unique((found + 1) / 2, return_counts=True)
        low, high = interval(values, counts.astype(float), LEVEL)
        return cls(
            of,
            outcomes,
            tolerated,
            float(found.mean()) if len(found) else 0.0,
            (2 * low - 1, 2 * high - 1),
            outcomes_needed(outcomes, tolerated),
        )

    @property
    def seen(self) -> int:
        """Outcomes of both versions so far."""
        return self.outcomes.baseline.of + self.outcomes.candidate.of

    @property
    def state(self) -> State:
        """What the interval says: surely worse, surely no worse than is tolerated, or neither."""
        low, high = self.interval
        if min(self.outcomes.baseline.of, self.outcomes.candidate.of) < FEWEST:
            return "open"
        if high <= self.tolerated:
            return "no worse"
        return "worse" if low > 0 else "open"

    @property
    def missing(self) -> float:
        """Outcomes of both versions that are still needed; past the plan, as many as there were."""
        if self.state != "open":
            return 0
        fewest = 2 * FEWEST - self.seen
        return max(self.needed - self.seen if self.needed > self.seen else self.seen, fewest)

    def as_json(self) -> dict[str, Any]:
        """Return the figures for a program."""
        return {
            "baseline": {"bad": self.outcomes.baseline.count, "of": self.outcomes.baseline.of},
            "candidate": {"bad": self.outcomes.candidate.count, "of": self.outcomes.candidate.of},
            "blocks": len(self.outcomes.differences),
            "mirrored_pairs": len(self.outcomes.differences) - self.outcomes.drawn,
            "difference": round(self.estimate, 9),
            "interval": [round(bound, 9) for bound in self.interval],
            "tolerated": self.tolerated,
            "state": self.state,
            "outcomes_needed": None if math.isinf(self.needed) else int(self.needed),
            "outcomes_missing": None if math.isinf(self.missing) else int(self.missing),
        }


def outcomes_needed(outcomes: Outcomes, tolerated: float) -> float:
    """Return how many outcomes of both versions settle it, by their rate so far; see `Comparison.needed`."""
    baseline, candidate = outcomes.baseline, outcomes.candidate
    # As if one bad outcome of ten had been seen before: no rate is surely 0, and few outcomes don't make it a half.
    seen = baseline.of + candidate.of + 10
    rate = (baseline.count + candidate.count + 1) / seen
    # One standard error up: too small a number would be a broken promise.
    rate += math.sqrt(rate * (1 - rate) / seen)
    worse = min(rate + tolerated, 1.0)
    if outcomes.drawn or not len(outcomes.differences):
        block = sizes(baseline.of, candidate.of) if candidate.of and baseline.of else (1, 1)
        equal, lost = _drawn(rate, rate, block), _drawn(rate, worse, block)
    else:
        block = (1, 1)
        apart = (np.count_nonzero(outcomes.differences) + 1) / (len(outcomes.differences) + 2)
        equal, lost = _mirrored(apart, 0.0), _mirrored(apart, tolerated)
    finds = needed(*lost, 0.5, LEVEL)
    clears = needed(1 - equal[0], equal[1], (1 - tolerated) / 2, LEVEL)
    return max(finds, clears) * sum(block)


def _drawn(baseline: float, candidate: float, block: tuple[int, int]) -> tuple[Floats, Floats]:
    """Differences of blocks, scaled to 0 to 1, and their probabilities, by two rates."""
    ours, theirs = np.arange(block[0] + 1), np.arange(block[1] + 1)
    pairs = list(product(ours, theirs))
    values = np.array([(other / block[1] - one / block[0] + 1) / 2 for one, other in pairs])
    of_ours, of_theirs = binom.pmf(ours, block[0], baseline), binom.pmf(theirs, block[1], candidate)
    return values, np.array([of_ours[one] * of_theirs[other] for one, other in pairs])


def _mirrored(apart: float, difference: float) -> tuple[Floats, Floats]:
    """The same of pairs of which the share `apart` has one bad outcome, by the difference of the two rates."""
    apart = max(apart, difference)
    won, lost = (apart - difference) / 2, (apart + difference) / 2
    return np.array([0.0, 0.5, 1.0]), np.array([won, 1 - apart, lost])
