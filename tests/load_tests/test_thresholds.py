import random
from collections import Counter
from pathlib import Path

import pytest

from load_tests import thresholds
from load_tests.shapes import SHAPES
from load_tests.thresholds import Seen, Thresholds
from scripts.errors import UserError

LIMITS = Thresholds(p95_ms=400, error_rate=0.001, split_confidence=0.999, min_answers=100)
SPLIT = {"1.0": 90, "2.0": 10}


def failed(seen: Seen, split: dict[str, int] = SPLIT) -> list[str]:
    return [check.name for check in thresholds.check(seen, LIMITS, split) if not check.passed]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_file_holds_thresholds_for_every_shape(shape: str) -> None:
    assert thresholds.read(shape).p95_ms > 0


def test_an_unknown_threshold_is_named(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.yaml"
    path.write_text(thresholds.PATH.read_text() + "error_rates: 0.5\n")
    with pytest.raises(UserError, match="unknown key `error_rates`; did you mean `error_rate`"):
        thresholds.read("steady", path)


def test_a_load_within_its_limits_passes() -> None:
    assert failed(Seen(1000, 1, 399.0, {"1.0": 900, "2.0": 100})) == []


def test_slow_answers_and_failures_are_told_apart() -> None:
    assert failed(Seen(1000, 2, 401.0, {"1.0": 900, "2.0": 100})) == ["p95", "error rate"]


def test_no_answer_at_all_fails() -> None:
    assert failed(Seen(0, 0, 0.0)) == ["answers", "error rate"]


def test_a_split_that_is_not_the_wanted_one_fails() -> None:
    assert failed(Seen(1000, 0, 10.0, {"1.0": 500, "2.0": 500})) == ["visitors of 1.0", "visitors of 2.0"]


def test_a_version_without_weight_may_meet_nobody() -> None:
    assert failed(Seen(1000, 0, 10.0, {"1.0": 999, "3.0": 1}), {"1.0": 100}) == ["visitors of 1.0", "visitors of 3.0"]


def test_a_split_that_was_changed_meanwhile_is_not_judged() -> None:
    checks = thresholds.check(Seen(1000, 0, 100, {"1.0": 1000}), LIMITS, None)
    assert [each.name for each in checks] == ["answers", "p95", "error rate"]


def test_an_honest_draw_stays_within_its_interval() -> None:
    generator = random.Random(1)
    for weight in (0, 1, 10, 50, 99, 100):
        for visitors in (1, 7, 100, 2000):
            drawn = [sum(generator.random() * 100 < weight for _ in range(visitors)) for _ in range(50)]
            low, high = thresholds.interval(weight, visitors, 0.9999)
            outside = Counter(not low <= count <= high for count in drawn)[True]
            assert outside <= 1, (weight, visitors)
