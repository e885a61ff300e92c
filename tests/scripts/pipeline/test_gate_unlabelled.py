import json

import numpy as np

from scripts.pipeline.gate_unlabelled import judge_agreement
from scripts.pipeline.spec_agreement import AgreementGate

FLOAT32 = np.arange(100)


def with_changes(count: int) -> np.ndarray:
    classes = FLOAT32.copy()
    classes[:count] += 1
    return classes


def test_agreement_is_gated_for_each_arithmetic_and_accuracy_for_none() -> None:
    int8 = {"int8 arithmetic": with_changes(40), "fp32 arithmetic": with_changes(5)}
    verdict = judge_agreement(FLOAT32, int8, {}, AgreementGate(min_agreement=0.7))
    assert verdict.failures == ("int8 arithmetic: agreement 60.00% misses min_agreement 70.00%",)
    assert not verdict.passed
    assert judge_agreement(FLOAT32, int8, {}, AgreementGate(min_agreement=0.6)).passed


def test_the_evidence_says_in_words_that_accuracy_was_not_gated() -> None:
    verdict = judge_agreement(FLOAT32, {"fp32 arithmetic": with_changes(5)}, {"int8": "no VNNI"}, AgreementGate())
    evidence = json.loads(json.dumps(verdict.evidence()))
    assert evidence["note"].startswith("accuracy was not gated: there are no labelled images")
    assert evidence["measured"] == {"fp32 arithmetic": {"agreement": 0.95}}
    assert evidence["unmeasured"] == {"int8": "no VNNI"}
    assert "accuracy was not gated" in verdict.text()
    assert "int8 arithmetic: unmeasured: no VNNI" in verdict.text()


def test_a_float32_archive_has_nothing_to_agree_with() -> None:
    verdict = judge_agreement(FLOAT32, {}, {}, AgreementGate(min_agreement=1))
    assert verdict.passed
    assert verdict.evidence()["measured"] == {}
