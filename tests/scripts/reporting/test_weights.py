"""Which weights were in effect when."""

import json
from pathlib import Path

from scripts.reporting.weights import in_effect
from scripts.serving import ejections

NINE, FIVE = {"1.0": 90, "2.0": 10}, {"1.0": 50, "2.0": 50}


def test_without_any_change_they_are_those_of_the_file(tmp_path: Path) -> None:
    assert [(weights.since_s, weights.split) for weights in in_effect(tmp_path, NINE)] == [(float("-inf"), NINE)]


def test_the_time_in_which_a_version_was_out_of_the_split_is_not_held_against_the_weights(tmp_path: Path) -> None:
    """The split changed meanwhile, and one version was back before the other."""
    ejections.eject(tmp_path, "2.0", "its workers ended 3 times within 60 s")
    out = ejections.current(tmp_path)["2.0"].time
    (tmp_path / "history.jsonl").write_text(
        json.dumps({"time": out, "before": NINE, "after": FIVE, "reason": "split"}) + "\n"
    )
    ejections.eject(tmp_path, "3.0", "it has had no ready worker for 30 s")
    ejections.readmit(tmp_path, "2.0")
    ejections.readmit(tmp_path, "3.0")
    splits = [weights.split for weights in in_effect(tmp_path, FIVE)]
    assert (splits[0], splits[-1]) == (NINE, FIVE)
    assert set(map(str, splits[1:-1])) == {"{}"}
