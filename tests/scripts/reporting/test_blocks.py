"""Blocks of two versions' outcomes."""

import numpy as np
import pytest

from scripts.reporting.blocks import differences, sizes

A, B = False, True
"""An outcome of the baseline, and of the candidate."""


def blocks(arms: list[bool], bad: list[int], regime: list[int] | None = None) -> list[float]:
    found = differences(np.array(arms), np.array(bad, dtype=bool), np.array(regime or [0] * len(arms)))
    return [round(each, 9) for each in found.tolist()]


def test_outcomes_are_paired_as_they_come() -> None:
    assert blocks([A, B, B, A], [0, 1, 0, 1]) == [1, -1]


def test_of_a_version_with_more_outcomes_a_block_takes_more() -> None:
    """The first block is of one each; then there are three of the baseline for each of the candidate."""
    assert sizes(3, 1) == (3, 1)
    assert blocks([A, A, A, B, A, A, A, B], [0, 0, 0, 1, 1, 1, 0, 0]) == [1, round(-1 / 3, 9)]


@pytest.mark.parametrize(
    ("counts", "size"),
    [((90, 10), (9, 1)), ((10, 90), (1, 9)), ((5, 5), (1, 1)), ((100_000, 1), (100, 1)), ((0, 3), (1, 100))],
)
def test_a_block_has_one_outcome_of_the_rarer_version(counts: tuple[int, int], size: tuple[int, int]) -> None:
    assert sizes(*counts) == size


def test_no_block_spans_a_change_of_the_weights() -> None:
    assert blocks([A, B], [0, 1], [1, 2]) == []
    assert blocks([A, A, B, B], [0, 1, 1, 1], [1, 2, 1, 2]) == [1, 0]


def test_the_size_of_a_block_never_depends_on_what_is_in_it() -> None:
    random = np.random.default_rng(3)
    arms, bad = random.random(500) < 0.2, random.random(500) < 0.3
    none = np.zeros(500, dtype=np.int64)
    assert len(differences(arms, bad, none)) == len(differences(arms, ~bad, none))
    assert differences(arms, bad, none) == pytest.approx(-differences(arms, ~bad, none))


def test_more_outcomes_only_add_blocks() -> None:
    random = np.random.default_rng(4)
    arms, bad = random.random(800) < 0.3, random.random(800) < 0.3
    none = np.zeros(800, dtype=np.int64)
    before = differences(arms[:600], bad[:600], none[:600])
    assert differences(arms, bad, none)[: len(before)] == pytest.approx(before)


def test_rates_that_rise_together_while_the_weights_change_are_no_difference() -> None:
    """Both are worse at night, when the candidate has most: one look at the totals would blame the candidate."""
    random = np.random.default_rng(5)
    night = np.repeat([0, 1], 20_000)
    arms = random.random(40_000) < np.where(night, 0.9, 0.1)
    bad = random.random(40_000) < np.where(night, 0.3, 0.1)
    assert bad[arms].mean() - bad[~arms].mean() > 0.1
    assert abs(differences(arms, bad, night).mean()) < 0.02
