import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score, roc_auc_score

from scripts.pipeline.answers import Answers
from scripts.pipeline.metrics import Metrics, Truth, by_group, calibration_error
from scripts.pipeline.proportion import Proportion


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def drawn(labels: int, images: int = 300) -> tuple[Answers, Truth]:
    generator = np.random.default_rng(labels)
    true = generator.integers(0, labels, images)
    logits = generator.normal(size=(images, labels))
    logits[np.arange(images), true] += 1
    groups = np.where(generator.random(images) < 0.4, "mono", "poly")
    names = [f"label {index}" for index in range(labels)]
    return Answers(logits.argmax(axis=1), softmax(logits)), Truth(true, groups, names)


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_the_figures_are_scikit_learns(labels: int) -> None:
    answers, truth = drawn(labels)
    found = Metrics.of(answers, truth)
    assert found.accuracy.share == (answers.classes == truth.labels).mean()
    assert np.array_equal(found.confusion, confusion_matrix(truth.labels, answers.classes))
    shares = [found.recall[name].share for name in truth.names]
    assert shares == pytest.approx(recall_score(truth.labels, answers.classes, average=None))
    if labels == 2:
        expected = roc_auc_score(truth.labels, answers.probabilities[:, 1])
    else:
        expected = roc_auc_score(truth.labels, answers.probabilities, multi_class="ovr", average="macro")
    assert found.roc_auc == pytest.approx(expected)


def test_the_groups_add_up_to_all_images() -> None:
    answers, truth = drawn(3)
    groups = by_group(answers, truth)
    assert list(groups) == ["mono", "poly"]
    assert sum(group.accuracy.count for group in groups.values()) == Metrics.of(answers, truth).accuracy.count
    one_kind = Truth(truth.labels, np.full(len(truth.labels), ""), truth.names)
    assert by_group(answers, one_kind) == {}


def test_calibration_error_by_hand() -> None:
    """Two bins of 15: at 0.9 three of four right, at 0.6 one of two: (4 |0.9 - 0.75| + 2 |0.6 - 0.5|) / 6."""
    first = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6])
    answers = Answers(np.zeros(6, int), np.stack([first, 1 - first], axis=1))
    assert calibration_error(answers, np.array([0, 0, 0, 1, 0, 1])) == pytest.approx(0.8 / 6)


def test_calibration_error_against_the_definition() -> None:
    answers, truth = drawn(4)
    confidence = answers.probabilities.max(axis=1)
    expected = 0.0
    for low in range(15):
        within = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if within.any():
            right = (answers.classes == truth.labels)[within].mean()
            expected += within.mean() * abs(right - confidence[within].mean())
    assert calibration_error(answers, truth.labels) == pytest.approx(expected)


def test_certainty_that_is_right_has_no_calibration_error() -> None:
    answers = Answers(np.array([0, 1]), np.eye(2))
    assert calibration_error(answers, np.array([0, 1])) == 0


def test_a_label_without_images_has_no_recall_and_one_label_alone_no_curve() -> None:
    answers, truth = drawn(3)
    only = truth.labels == 1
    found = Metrics.of(answers.only(only), truth.only(only))
    assert list(found.recall) == ["label 1"]
    assert found.worst == "label 1"
    assert found.roc_auc is None
    assert json.loads(json.dumps(found.as_json()))["roc_auc"] is None


def test_the_worst_label_is_the_one_with_the_lowest_recall() -> None:
    answers = Answers(np.array([0, 0, 0, 1]), np.full((4, 2), 0.5))
    assert Metrics.of(answers, Truth(np.array([0, 0, 1, 1]), np.full(4, ""), ["a", "b"])).worst == "b"


def test_the_interval_of_a_share_is_wilsons() -> None:
    # 8 of 10: 0.4902 to 0.9433 (Newcombe 1998, method 3, gives the formula).
    assert Proportion(8, 10).interval_95 == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = Proportion(20, 20).interval_95
    assert high == pytest.approx(1)
    assert 0.8 < low < 0.9
