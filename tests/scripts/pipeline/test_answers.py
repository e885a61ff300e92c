import json

import numpy as np
import pytest

from handler.responses import answer, rank
from scripts.errors import UserError
from scripts.pipeline.answers import Answers

LABELS = ("a", "b", "c")


def test_logits_and_the_handlers_answers_to_them_are_the_same_answers() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    bodies = [json.loads(answer("m", "1", None, predictions=rank(row, LABELS, 3)).body) for row in logits]
    served, computed = Answers.of_bodies(bodies, LABELS), Answers.of_logits(logits)
    assert np.array_equal(served.classes, computed.classes)
    np.testing.assert_allclose(served.probabilities, computed.probabilities, rtol=0, atol=1e-12)


def test_an_image_that_was_refused_is_no_answer() -> None:
    with pytest.raises(UserError, match=r"refused.*empty_body"):
        Answers.of_bodies([{"error": {"code": "empty_body", "message": "…"}}], LABELS)


def test_answers_of_another_model_are_refused() -> None:
    predictions = [{"label": "cat", "index": 0, "probability": 1.0}]
    with pytest.raises(UserError, match="names cat; the spec's labels are a, b, c"):
        Answers.of_bodies([{"predictions": predictions}], LABELS)


def test_confidence_is_that_of_the_answered_label_in_twenty_bins() -> None:
    answers = Answers(
        np.array([0, 1, 1, 0]), np.array([[0.55, 0.45], [0.0, 1.0], [0.001, 0.999], [0.599999, 0.400001]])
    )
    counts = answers.confidence_counts()
    assert (len(counts), counts[11], counts[19]) == (20, 2, 2)
