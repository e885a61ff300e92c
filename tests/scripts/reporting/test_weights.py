"""Which weights were in effect when."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from scripts.reporting.weights import in_effect
from scripts.serving.ejections import Ejection

NINE, FIVE = {"1.0": 90, "2.0": 10}, {"1.0": 50, "2.0": 50}


def test_without_any_change_they_are_those_of_the_file(tmp_path: Path) -> None:
    assert [(weights.since_s, weights.split) for weights in in_effect(tmp_path, NINE)] == [(float("-inf"), NINE)]


def test_the_time_in_which_a_version_was_out_of_the_split_is_not_held_against_the_weights(tmp_path: Path) -> None:
    """The split changed meanwhile, and one version was back before the other."""
    lines = [(1, "2.0", "its workers ended"), (3, "3.0", "no ready worker"), (4, "2.0", ""), (6, "3.0", "")]
    (tmp_path / "ejections.jsonl").write_text(
        "".join(json.dumps(asdict(Ejection(at(s), v, r))) + "\n" for s, v, r in lines)
    )
    change = {"time": at(2), "before": NINE, "after": FIVE, "reason": "split"}
    (tmp_path / "history.jsonl").write_text(json.dumps(change) + "\n")
    found = [(weights.since_s, weights.split) for weights in in_effect(tmp_path, FIVE)]
    assert found == [(float("-inf"), NINE), (1, {}), (2, {}), (3, {}), (4, {}), (6, FIVE)]


def at(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="milliseconds")
