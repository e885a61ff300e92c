"""Two versions' outcomes compared, the number that would settle it, and the verdict."""

import math

import numpy as np
import pytest

from scripts.pipeline.proportion import Proportion
from scripts.reporting import verdict
from scripts.reporting.blocks import differences
from scripts.reporting.capital import log_capital
from scripts.reporting.comparison import LEVEL, Comparison
from scripts.reporting.outcomes import Outcomes
from scripts.reporting.ratio import Ratio
from scripts.reporting.verdict import Pace, Verdict

NAMES = ("1.0", "2.0")
SPLIT = Ratio("requests", {"1.0": 500, "2.0": 500}, {"1.0": 498, "2.0": 502}, 1.0)


def drawn(baseline: float, candidate: float, requests: int, share: float = 0.5, seed: int = 0) -> Outcomes:
    """Return outcomes of requests that a split drew."""
    random = np.random.default_rng(seed)
    arms = random.random(requests) < share
    bad = random.random(requests) < np.where(arms, candidate, baseline)
    return outcomes(arms, bad)


def outcomes(arms: np.ndarray, bad: np.ndarray) -> Outcomes:
    found = differences(arms, bad, np.zeros(len(arms), dtype=np.int64))
    counts = [Proportion(int(bad[of].sum()), int(of.sum())) for of in (~arms, arms)]
    return Outcomes(*counts, found, len(found))


def mirrored(lost: int, won: int, same: int, both: int = 0) -> Outcomes:
    """Return outcomes of pairs; both versions got `both` of the `same` wrong."""
    pairs = np.array([1.0] * lost + [-1.0] * won + [0.0] * same)
    return Outcomes(Proportion(won + both, len(pairs)), Proportion(lost + both, len(pairs)), pairs, 0)


def judged(
    errors: Outcomes, slow: Outcomes, wrong: Outcomes, ratio: Ratio = SPLIT, without_labels: bool = False
) -> Verdict:
    compared = {
        kind: Comparison.of_outcomes(kind, of, tolerated)
        for kind, of, tolerated in (("errors", errors, 0.01), ("slow", slow, 0.02), ("wrong", wrong, 0.03))
    }
    return verdict.judge(NAMES, compared, ratio, Pace(10, 0.5 if wrong.candidate.of else 0.0), without_labels)


NOTHING = drawn(0, 0, 0)
FINE = drawn(0.002, 0.002, 20_000)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.8])
def test_a_loss_of_3_points_is_found_within_the_number_that_the_page_named_in_four_of_five_runs(share: float) -> None:
    """The page names it when it has seen a few hundred; the versions are right to 90 and 87 %."""
    found = []
    for seed in range(100):
        early = Comparison.of_outcomes("wrong", drawn(0.1, 0.13, 600, share, seed), 0.03)
        found.append(_ever_worse(drawn(0.1, 0.13, int(early.needed), share, seed + 1000)))
    assert np.mean(found) >= 0.8


def test_an_equal_version_is_cleared_within_the_number_that_the_page_named() -> None:
    found = []
    for seed in range(50):
        early = Comparison.of_outcomes("wrong", drawn(0.1, 0.1, 600, 0.5, seed), 0.03)
        later = Comparison.of_outcomes("wrong", drawn(0.1, 0.1, int(early.needed), 0.5, seed + 1000), 0.03)
        found.append(later.state == "no worse")
    assert np.mean(found) >= 0.8


def test_equal_versions_are_hardly_ever_rolled_back_however_often_somebody_looks() -> None:
    """All three kinds of outcome together, 1,000 looks, 150 runs; test_capital has 2,000 of each kind by itself."""
    false = 0
    for seed in range(150):
        of_run = [drawn(rate, rate, 4000, 0.5, 3 * seed + kind) for kind, rate in enumerate((0.005, 0.05, 0.1))]
        false += any(_ever_worse(each) for each in of_run)
    assert false / 150 <= 0.05


def _ever_worse(found: Outcomes) -> bool:
    values, position = np.unique((found.differences + 1) / 2, return_inverse=True)
    looks = np.unique(np.linspace(1, len(position), 1000).astype(int)) - 1
    counts = np.stack([(position == each).cumsum()[looks] for each in range(len(values))], axis=-1).astype(float)
    return bool((log_capital(values, counts, 0.5) >= math.log(2 / LEVEL)).any())


def test_mirrored_pairs_need_fewer_images_than_a_split() -> None:
    """Both versions see the same image, so only those count on which one is wrong."""
    pairs = Comparison.of_outcomes("wrong", mirrored(10, 10, 980, both=90), 0.03)
    split = Comparison.of_outcomes("wrong", drawn(0.1, 0.1, 2000), 0.03)
    assert pairs.outcomes.baseline.share == pytest.approx(split.outcomes.baseline.share, abs=0.02)
    assert pairs.needed < split.needed / 4
    assert Comparison.of_outcomes("wrong", mirrored(100, 20, 880), 0.03).state == "worse"
    assert Comparison.of_outcomes("wrong", mirrored(20, 20, 1960), 0.03).state == "no worse"


def test_a_loss_is_found_in_the_number_of_mirrored_pairs_that_the_page_named() -> None:
    found = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        early = Comparison.of_outcomes("wrong", mirrored(*random.multinomial(300, [0.04, 0.01, 0.95]).tolist()), 0.03)
        pairs = random.choice([1.0, -1.0, 0.0], int(early.needed / 2), p=[0.04, 0.01, 0.95])
        found.append(_ever_worse(Outcomes(NOTHING.baseline, NOTHING.candidate, pairs, 0)))
    assert np.mean(found) >= 0.8


def test_of_rare_errors_none_at_all_is_no_proof() -> None:
    found = Comparison.of_outcomes("errors", drawn(0, 0, 300), 0.01)
    assert found.state == "open"
    assert found.interval[1] > 0.01
    assert found.missing > 0


def test_a_handful_of_outcomes_says_nothing_whatever_they_are() -> None:
    arms = np.array([False, True] * 40)
    found = Comparison.of_outcomes("wrong", outcomes(arms, arms.copy()), 0.03)
    assert found.interval[0] > 0.5
    assert found.state == "open"
    said = judged(outcomes(arms, arms & False), NOTHING, outcomes(arms, arms.copy()))
    assert said.decision == "keep waiting"
    assert (
        "Wrong answers: too few to say anything (40 labelled images of 2.0, 40 of 1.0; it takes 50 of each)."
        in said.text
    )


def test_what_is_surely_no_worse_is_promoted() -> None:
    said = judged(FINE, drawn(0.05, 0.05, 20_000), drawn(0.1, 0.1, 20_000))
    assert said.decision == "promote"
    assert said.more_requests is None
    assert "Wrong answers: 2.0 has between " in said.text


@pytest.mark.parametrize("kind", ["errors", "slow", "wrong"])
def test_a_version_that_is_surely_worse_in_one_thing_is_rolled_back_and_that_is_said(kind: str) -> None:
    given = {"errors": FINE, "slow": FINE, "wrong": FINE} | {kind: drawn(0.02, 0.12, 4000)}
    said = judged(**given)
    assert said.decision == "roll back"
    assert len(said.reasons) == 1
    assert said.reasons[0].startswith({"errors": "Errors", "slow": "Slow", "wrong": "Wrong"}[kind])


def test_what_is_open_is_waited_for_and_the_wait_is_named() -> None:
    said = judged(FINE, FINE, drawn(0.1, 0.1, 2000))
    assert said.decision == "keep waiting"
    assert said.more_requests is not None
    # About 9,500 labelled images in all, 2,000 of which are there; every other request has a label.
    assert 12_000 < said.more_requests < 18_000
    assert said.more_s == pytest.approx(said.more_requests / 10)
    assert f"about {said.more_requests:,} more requests" in said.text
    assert "minutes at this rate" in said.text


def test_past_the_number_that_was_named_it_is_as_many_again() -> None:
    """The truth lies between 0 and what is tolerated: nobody can say how long that takes."""
    bad = np.array([([True] * 10 + [False] * 90) * 60, ([True] * 115 + [False] * 885) * 6]).T
    arms = np.array([False, True] * 6000)
    found = Comparison.of_outcomes(
        "wrong", outcomes(arms, np.random.default_rng(1).permuted(bad, axis=0).ravel()), 0.03
    )
    assert found.needed < found.seen
    assert found.state == "open"
    assert found.missing == found.seen


def test_without_labels_nothing_is_promoted_unless_somebody_says_so() -> None:
    said = judged(FINE, FINE, NOTHING)
    assert said.decision == "keep waiting"
    assert "There are no labels" in said.text
    assert said.more_requests is None
    waived = judged(FINE, FINE, NOTHING, without_labels=True)
    assert waived.decision == "promote"
    assert "accuracy was left out" in waived.text


def test_a_broken_split_invalidates_all_of_it() -> None:
    broken = Ratio("users", {"1.0": 500, "2.0": 500}, {"1.0": 600, "2.0": 400}, 1e-8)
    said = judged(FINE, FINE, drawn(0.1, 0.3, 4000), broken)
    assert said.decision == "the split is broken"
    assert "1.0 has 600 where 500 were due" in said.text
    assert "no comparison below means anything" in said.text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 seconds"), (119, "119 seconds"), (3600, "60 minutes"), (86400, "24 hours"), (1e6, "12 days")],
)
def test_a_wait_is_named_in_its_largest_unit(seconds: float, words: str) -> None:
    assert verdict.duration(seconds) == words
