"""The check of the split, by hand and by simulation."""

import math

import numpy as np
import pytest

from scripts.reporting.ratio import LEVEL, Regime, check, log_factor


def test_the_factor_is_the_one_that_is_counted_by_hand() -> None:
    """One unit each of two versions with weights of a half: 50/100 * 50/101 against a quarter."""
    found = float(log_factor(np.array([1.0, 1.0]), np.array([0.5, 0.5])))
    assert found == pytest.approx(math.log(0.5 * 50 / 101 / 0.25))


def test_shares_that_are_due_are_not_broken() -> None:
    found = check("requests", [Regime({"1.0": 90, "2.0": 10, "3.0": 0}, {"1.0": 9010, "2.0": 990, "3.0": 5})])
    assert not found.broken
    assert found.expected == {"1.0": 9000, "2.0": 1000}
    assert found.observed == {"1.0": 9010, "2.0": 990}
    assert found.p_value == 1


def test_changed_weights_are_judged_each_by_its_own_time() -> None:
    """In all it looks like 30 %, which neither time was."""
    times = [
        Regime({"1.0": 90, "2.0": 10}, {"1.0": 900, "2.0": 100}),
        Regime({"1.0": 50, "2.0": 50}, {"1.0": 500, "2.0": 500}),
    ]
    assert not check("requests", times).broken
    swapped = [Regime({"1.0": 90, "2.0": 10}, times[1].counts), Regime({"1.0": 50, "2.0": 50}, times[0].counts)]
    assert check("requests", swapped).broken


def share_of_alarms(true: float, weight: float, units: int, runs: int, seed: int) -> float:
    drawn = (np.random.default_rng(seed).random((runs, units)) < true).cumsum(axis=1)
    when = np.unique(np.linspace(1, units, 1000).astype(int))
    counts = np.stack([drawn[:, when - 1], when - drawn[:, when - 1]], axis=-1).astype(float)
    factors = log_factor(counts, np.array([weight, 1 - weight]))
    return float((factors >= -math.log(LEVEL)).any(axis=1).mean())


@pytest.mark.parametrize("weight", [0.5, 0.1])
def test_a_right_split_that_is_looked_at_a_thousand_times_raises_at_most_1_percent_false_alarms(weight: float) -> None:
    found = np.mean([share_of_alarms(weight, weight, 5000, 200, seed) for seed in range(10)])
    assert 0 < found <= 0.01


def test_45_55_in_the_place_of_50_50_is_found() -> None:
    assert share_of_alarms(0.45, 0.5, 3000, 400, 0) >= 0.95


def test_a_split_that_was_broken_once_stays_so_when_the_weights_change() -> None:
    broken = Regime({"1.0": 90, "2.0": 10}, {"1.0": 700, "2.0": 300})
    assert check("requests", [broken, Regime({"1.0": 50, "2.0": 50}, {"1.0": 500, "2.0": 500})]).broken
