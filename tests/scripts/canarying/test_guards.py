"""What ends a canary, on log files as they are written."""

from pathlib import Path

import numpy as np
import pytest

from scripts.canarying.guards import breaches
from scripts.canarying.plan import Plan
from scripts.pipeline.proportion import Proportion
from scripts.reporting.blocks import differences
from scripts.reporting.collect import Asked, Report, collect
from scripts.reporting.comparison import Comparison
from scripts.reporting.outcomes import Outcomes
from tests.scripts.reporting.written import LABELS, Traffic, answer, request, write

PLAN = Plan("2.0", {"1.0": 100}, (50, 100), copied=20, requests=300, hold_s=0, disagreement=0.1)


def report(run: Path, labels: Path | None = None, split: tuple[int, int] = (50, 50)) -> Report:
    weights = {"1.0": split[0], "2.0": split[1]}
    asked = Asked([run], weights, False, run, "mobilenet_v3", labels, baseline="1.0", candidate="2.0")
    return collect(asked)


def mirrored(run: Path, images: int, otherwise: int, ms: float = 20) -> Path:
    """Write requests that 1.0 answered, with their copies, some of which got another label."""
    names = [str(number) for number in range(images)]
    copies = [request(name, "2.0", number, shadow=True, ms=ms) for number, name in enumerate(names)]
    write(run / "access.log", [request(name, "1.0", number) for number, name in enumerate(names)] + copies)
    labels = [LABELS[number < otherwise] for number in range(images)]
    lines = [answer(name, "1.0", LABELS[0], number) for number, name in enumerate(names)]
    lines += [answer(name, "2.0", labels[int(name)], int(name), shadow=True) for name in names]
    write(run / "predictions" / "mobilenet_v3-w.jsonl", lines)
    return run


def test_a_version_like_the_other_crosses_nothing(tmp_path: Path) -> None:
    labels = Traffic(2000).write(tmp_path)
    assert breaches(report(tmp_path, labels), PLAN) == []


@pytest.mark.parametrize(
    ("harm", "begins"),
    [
        ({"failed": {"1.0": 0.002, "2.0": 0.05}}, "Errors: 2.0 has between"),
        ({"ms": {"1.0": 20.0, "2.0": 60.0}}, "Slow answers: 2.0 has between"),
        ({"right": {"1.0": 0.9, "2.0": 0.7}}, "Wrong answers: 2.0 has between"),
        ({"share": 0.6}, "The requests are not split as the weights say"),
    ],
    ids=["errors", "slow", "wrong", "split"],
)
def test_each_harm_is_named(tmp_path: Path, harm: dict[str, object], begins: str) -> None:
    labels = Traffic(2000, **harm).write(tmp_path)  # type: ignore[arg-type]
    [reason] = breaches(report(tmp_path, labels), PLAN)
    assert reason.startswith(begins)


def test_slow_answers_are_told_with_both_percentiles(tmp_path: Path) -> None:
    Traffic(2000, ms={"1.0": 20.0, "2.0": 60.0}).write(tmp_path)
    [reason] = breaches(report(tmp_path), PLAN)
    assert " Its p95 is 9" in reason


def test_copies_that_are_answered_otherwise_too_often_end_it(tmp_path: Path) -> None:
    assert breaches(report(mirrored(tmp_path / "few", 300, otherwise=20), split=(100, 0)), PLAN) == []
    [reason] = breaches(report(mirrored(tmp_path / "many", 300, otherwise=90), split=(100, 0)), PLAN)
    assert reason.startswith("Disagreement: 2.0 answers 90 of 300 images otherwise than 1.0")


def test_copies_may_be_slow(tmp_path: Path) -> None:
    assert breaches(report(mirrored(tmp_path, 300, otherwise=0, ms=200), split=(100, 0)), PLAN) == []


def test_by_the_shipped_steps_a_version_that_fails_on_one_image_in_fifty_is_caught_before_it_has_everything() -> None:
    """300 copies and three steps of 300 requests, as `make canary` takes them; 200 canaries."""
    random = np.random.default_rng(1)
    caught = sum(_ever_worse(random, failing=0.02) for _ in range(200))
    assert caught >= 190


def test_a_version_that_fails_as_rarely_as_the_other_is_hardly_ever_rolled_back() -> None:
    random = np.random.default_rng(2)
    assert sum(_ever_worse(random, failing=0.005, baseline=0.005) for _ in range(200)) <= 8


def _ever_worse(random: np.random.Generator, failing: float, baseline: float = 0.0) -> bool:
    """Return whether one canary is ever, at the end of one of its steps, surely worse in errors."""
    is_candidate, bad, regime = (np.zeros(0, dtype=kind) for kind in (bool, bool, np.int64))
    copies = random.random(300)
    of_copies = (copies < failing).astype(float) - (copies < baseline)
    for number, percent in enumerate((5, 25, 50)):
        arms = random.permutation(np.arange(300 * 100 // percent) < 300)
        drawn = random.random(len(arms)) < np.where(arms, failing, baseline)
        is_candidate, bad = np.concatenate([is_candidate, arms]), np.concatenate([bad, drawn])
        regime = np.concatenate([regime, np.full(len(arms), number)])
        blocks = differences(is_candidate, bad, regime)
        counted = [Proportion(int(bad[who].sum()), int(who.sum())) for who in (~is_candidate, is_candidate)]
        found = Outcomes(*counted, np.concatenate([blocks, of_copies]), len(blocks))
        if Comparison.of_outcomes("errors", found, 0.01).state == "worse":
            return True
    return False
