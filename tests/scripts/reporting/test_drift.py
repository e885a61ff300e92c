"""The population stability index."""

import math

import numpy as np
import pytest

from scripts.reporting.drift import drift, stability_index


def test_the_index_is_the_one_that_is_counted_by_hand() -> None:
    """With half a count added to each bin: 0.25 and 0.75 against 0.5 and 0.5."""
    found, _ = stability_index([12, 37], [24, 24])
    p, q = [12.5 / 50, 37.5 / 50], [0.5, 0.5]
    assert found == pytest.approx(sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True)))


def test_the_same_mix_has_not_drifted_and_another_has() -> None:
    same = drift("2.0", "class mix", "the gate", {"a": 800, "b": 200}, {"a": 400, "b": 100})
    other = drift("2.0", "class mix", "the gate", {"a": 400, "b": 600}, {"a": 400, "b": 100})
    assert same is not None
    assert same.words == "none"
    assert other is not None
    assert other.words == "much"


def test_a_label_that_was_never_answered_before_counts() -> None:
    found = drift("2.0", "class mix", "the gate", {"a": 900, "c": 100}, {"a": 1000})
    assert found is not None
    assert found.words == "much"


def test_without_answers_or_a_reference_there_is_no_index() -> None:
    assert drift("2.0", "class mix", "the gate", {}, {"a": 1}) is None
    assert drift("2.0", "class mix", "the gate", {"a": 1}, {}) is None


def test_few_answers_of_the_same_mix_rarely_drift() -> None:
    random = np.random.default_rng(1)
    draws = random.multinomial(30, [0.1] * 10, size=(400, 2))
    found = [drift("", "", "", dict(enumerate(one.tolist())), dict(enumerate(two.tolist()))) for one, two in draws]
    assert np.mean([each is not None and each.words != "none" for each in found]) <= 0.03
