import json

import numpy as np
import pytest

from handler.errors import InvalidTopK, UnsupportedFormat
from handler.responses import parse_top_k, rank, refuse

LABELS = ("functional", "defective", "straße")


def test_classes_are_ranked_best_first_with_probabilities_that_add_up_to_one() -> None:
    ranked = rank(np.array([0.0, 2.0, 1.0], np.float32), LABELS, top_k=5)
    assert [row["label"] for row in ranked] == ["defective", "straße", "functional"]
    assert [row["index"] for row in ranked] == [1, 2, 0]
    assert sum(row["probability"] for row in ranked) == pytest.approx(1, abs=1e-5)


def test_top_k_cuts_the_list() -> None:
    assert len(rank(np.zeros(3, np.float32), LABELS, top_k=1)) == 1


def test_huge_logits_do_not_overflow() -> None:
    assert rank(np.array([1e4, -1e4, 0.0], np.float32), LABELS, 1)[0]["probability"] == 1.0


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "²", "abc", "1e3"])
def test_a_top_k_that_is_no_positive_integer_is_refused(text: str) -> None:
    with pytest.raises(InvalidTopK, match="positive integer"):
        parse_top_k(text, 5)


def test_top_k_defaults_to_the_setting() -> None:
    assert parse_top_k(None, 5) == 5
    assert parse_top_k("2", 5) == 2
    assert parse_top_k("0000000001", 5) == 1
    assert parse_top_k("9" * 5000, 5) >= 1000


def test_a_refusal_carries_status_code_and_message() -> None:
    reply = refuse(UnsupportedFormat("not an image"))
    assert (reply.status, reply.phrase) == (415, "Unsupported Media Type")
    assert json.loads(reply.body) == {"error": {"code": "unsupported_format", "message": "not an image"}}
