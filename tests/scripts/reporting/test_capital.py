"""Betting's confidence sequences, by hand and by simulation: what the report promises of looking at any time."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.reporting import capital
from scripts.reporting.comparison import LEVEL

COIN = np.array([0.0, 1.0])
PAIRED = np.array([0.0, 0.5, 1.0])
"""Differences of -1, 0 and 1, scaled to 0 to 1."""


def apart(baseline: float, candidate: float) -> list[float]:
    """Return the probabilities of PAIRED, of two versions' shares of wrong answers."""
    better, worse = baseline * (1 - candidate), candidate * (1 - baseline)
    return [better, 1 - better - worse, worse]


def looks(shares: list[float], values: int, peeks: int, runs: int, seed: int) -> NDArray[np.float64]:
    """Return how often each of PAIRED had come at each look of each run, [runs, peeks, 3]."""
    drawn = np.random.default_rng(seed).choice(3, size=(runs, values), p=shares).astype(np.int8)
    when = np.unique(np.linspace(1, values, peeks).astype(int)) - 1
    return np.stack([(drawn == each).cumsum(axis=1, dtype=np.int32)[:, when] for each in range(3)], axis=-1)


def alarms(counts: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return in which share of the runs 0 was ever outside, below the interval and on either side."""
    enough = math.log(2 / level)
    worse = (capital.log_capital(PAIRED, counts, 0.5) >= enough).any(axis=1)
    better = (capital.log_capital(1 - PAIRED, counts, 0.5) >= enough).any(axis=1)
    return float(worse.mean()), float((worse | better).mean())


def test_the_capital_is_the_one_that_is_counted_by_hand() -> None:
    """Two heads and a tail against a mean of a half: each stake `l` has (1 + l)^2 (1 - l)."""
    by_hand = np.mean([(1 + stake) ** 2 * (1 - stake) for stake in capital.STAKES])
    found = capital.log_capital(COIN, np.array([1.0, 2.0]), 0.5)
    assert float(found) == pytest.approx(math.log(by_hand))


def test_without_values_nothing_is_known() -> None:
    assert capital.interval(np.array([]), np.array([]), 0.05) == (0, 1)
    low, high = capital.interval(COIN, np.array([1.0, 0.0]), 0.05)
    assert low == pytest.approx(0, abs=1e-6)
    assert high > 0.95


def test_the_ends_of_the_interval_are_where_the_capital_is_enough() -> None:
    counts = np.array([700.0, 300.0])
    low, high = capital.interval(COIN, counts, 0.05)
    assert low < 0.3 < high
    assert float(capital.log_capital(COIN, counts, low)) == pytest.approx(math.log(40), abs=1e-6)
    assert float(capital.log_capital(1 - COIN, counts, 1 - high)) == pytest.approx(math.log(40), abs=1e-6)
    assert high - low < 0.11


@pytest.mark.parametrize("share", [0.1, 0.001, 0.5])
def test_two_equal_versions_that_are_looked_at_a_thousand_times_raise_at_most_5_percent_false_alarms(
    share: float,
) -> None:
    """2,000 runs, at the level of 5 % itself; each comparison of the page is at a third of it."""
    found = [alarms(looks(apart(share, share), 4000, 1000, 200, seed), 0.05)[1] for seed in range(10)]
    assert np.mean(found) <= 0.05
    # Not because nothing is ever found: rare events need more values than these.
    assert share < 0.01 or np.mean(found) > 0.001


def test_an_interval_for_one_look_would_not_do() -> None:
    """The same runs with the usual 95 % interval at every look: that is why there is another one."""
    counts = looks(apart(0.1, 0.1), 4000, 1000, 200, 0)[:, 50:]
    total = counts.sum(axis=-1)
    mean = (counts[..., 2] - counts[..., 0]) / total
    deviation = np.sqrt((counts[..., 2] + counts[..., 0]) / total - mean**2)
    assert ((np.abs(mean) > 1.96 * deviation / np.sqrt(total)).any(axis=1)).mean() > 0.2


@pytest.mark.parametrize(("baseline", "candidate"), [(0.1, 0.13), (0.02, 0.03), (0.3, 0.33)])
def test_what_is_lost_is_found_within_the_number_that_is_named_in_four_of_five_runs(
    baseline: float, candidate: float
) -> None:
    shares = apart(baseline, candidate)
    named = capital.needed(PAIRED, np.array(shares), 0.5, LEVEL)
    power = np.mean([alarms(looks(shares, int(named), 200, 100, seed), LEVEL)[0] for seed in range(4)])
    assert power >= 0.8
    # The number is no exaggeration: with half of it most are not found.
    half = np.mean([alarms(looks(shares, int(named / 2), 200, 100, seed), LEVEL)[0] for seed in range(4)])
    assert half < 0.65


def test_a_mean_that_is_the_true_one_is_never_refuted_so_no_number_is_enough() -> None:
    assert capital.needed(PAIRED, np.array(apart(0.1, 0.1)), 0.5, LEVEL) == math.inf
