"""Outcomes of two versions as differences: a few of one beside a few of the other, from the same time.

Each block's difference of means has the difference of the two rates as its expectation, given all before it, whatever
the versions' shares of the traffic are, and also where both rates drift over the day, because a block's outcomes are
neighbours in time. What it needs is that two versions that are alike would meet images that are alike: the split is
random (`scripts.reporting.ratio` looks after that), and one caller's images don't make up most of them.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from scripts.reporting.capital import Floats

MOST = 100
"""Outcomes of one version in a block."""


def differences(is_candidate: NDArray[np.bool_], bad: NDArray[np.bool_], regime: NDArray[np.int64]) -> Floats:
    """Return the candidate's share of bad outcomes less the baseline's, in -1 to 1, block by block.

    Args:
        is_candidate: whose outcome each is, in the order in which they became known, [outcomes].
        bad: what it was, [outcomes].
        regime: of the weights in effect; no block spans two of them, [outcomes].
    """
    found: list[float] = []
    for each in np.unique(regime):
        chosen = regime == each
        found += _of_one_regime(is_candidate[chosen].tolist(), bad[chosen].tolist())
    return np.array(found)


def sizes(baseline: float, candidate: float) -> tuple[int, int]:
    """Return how many outcomes of the baseline and of the candidate make a block, one of them a single one."""
    if baseline >= candidate:
        return min(round(baseline / max(candidate, baseline / MOST, 1e-9)) or 1, MOST), 1
    return 1, min(round(candidate / max(baseline, candidate / MOST, 1e-9)), MOST)


def _of_one_regime(is_candidate: Iterable[bool], bad: Iterable[bool]) -> list[float]:
    waiting: tuple[list[bool], list[bool]] = ([], [])
    used = [0, 0]
    found = []
    # How large a block is depends on how many outcomes came before it, and never on what they were.
    need = (1, 1)
    for arm, outcome in zip(is_candidate, bad, strict=True):
        waiting[arm].append(outcome)
        while all(len(waiting[of]) - used[of] >= need[of] for of in (0, 1)):
            shares = [sum(waiting[of][used[of] : used[of] + need[of]]) / need[of] for of in (0, 1)]
            found.append(shares[1] - shares[0])
            used = [used[of] + need[of] for of in (0, 1)]
            need = sizes(len(waiting[0]), len(waiting[1]))
    return found
