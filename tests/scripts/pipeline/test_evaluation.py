import numpy as np
import pytest

from scripts.pipeline.evaluation import compare


def test_accuracy_and_confusion_count_the_same_images():
    result = compare(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1]), 2)
    assert result.accuracy == 0.5
    assert result.confusion == ((1, 1), (1, 1))


def test_the_interval_is_wilsons():
    # 8 of 10: 0.4902 to 0.9433 (Newcombe 1998, method 3, gives the formula).
    result = compare(np.array([1] * 8 + [0] * 2), np.ones(10, dtype=int), 2)
    assert result.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_the_interval_of_a_perfect_score_ends_at_one():
    low, high = compare(np.zeros(20, dtype=int), np.zeros(20, dtype=int), 2).interval
    assert high == pytest.approx(1)
    assert 0.8 < low < 0.9
