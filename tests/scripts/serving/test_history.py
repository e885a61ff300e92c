"""The history of splits, which a rollback goes by."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from scripts.serving import history

A, B, C = {"1.0": 90, "2.0": 10}, {"1.0": 50, "2.0": 50}, {"2.0": 100}


def made(run: Path, before: Mapping[str, int], after: Mapping[str, int], reason: str = "split") -> None:
    history.begin(run, before, after, reason)
    history.finish(run, after)


def lines(run: Path) -> list[tuple[Mapping[str, int], Mapping[str, int], str]]:
    changes = map(json.loads, (run / "history.jsonl").read_text().splitlines())
    return [(change["before"], change["after"], change["reason"]) for change in changes]


def test_without_a_change_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    assert history.previous(tmp_path, A) is None


def test_the_split_before_the_last_change_is_the_previous_one(tmp_path: Path) -> None:
    made(tmp_path, A, B)
    made(tmp_path, B, C, "promote")
    assert history.previous(tmp_path, C) == B


def test_after_an_edit_by_hand_the_last_split_of_a_command_is_the_previous_one(tmp_path: Path) -> None:
    made(tmp_path, A, B)
    assert history.previous(tmp_path, C) == B


def test_what_changes_no_weight_is_not_written_down(tmp_path: Path) -> None:
    made(tmp_path, A, B)
    made(tmp_path, B, dict(B), "shadow")
    made(tmp_path, B, B | {"3.0": 0})
    assert history.previous(tmp_path, B) == A
    assert lines(tmp_path) == [(A, B, "split")]


def test_a_version_that_was_retired_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    made(tmp_path, A, {"1.0": 0, "2.0": 100}, "promote")
    assert history.previous(tmp_path, {"2.0": 100}) == A
    assert history.previous(tmp_path, B) == {"2.0": 100}


@pytest.mark.parametrize("reason", ["split", "rollback"])
def test_a_change_that_was_killed_before_traffic_yaml_had_it_was_none(tmp_path: Path, reason: str) -> None:
    made(tmp_path, A, B)
    history.begin(tmp_path, B, C, reason)
    assert history.previous(tmp_path, B) == A


def test_a_rollback_from_a_change_that_was_killed_goes_to_the_split_before_it(tmp_path: Path) -> None:
    made(tmp_path, A, B)
    history.begin(tmp_path, B, C, "promote")
    assert history.previous(tmp_path, C) == B
    made(tmp_path, C, B, "rollback")
    assert lines(tmp_path) == [(A, B, "split"), (B, C, "promote"), (C, B, "rollback")]


def test_a_rollback_that_was_killed_goes_on_and_not_back(tmp_path: Path) -> None:
    made(tmp_path, A, B, "promote")
    history.begin(tmp_path, B, A, "rollback")
    assert history.previous(tmp_path, A) == A
    made(tmp_path, A, A, "rollback")
    assert lines(tmp_path) == [(A, B, "promote"), (B, A, "rollback")]
    assert history.previous(tmp_path, A) == B


def test_a_change_that_was_killed_after_its_line_was_written_is_not_written_twice(tmp_path: Path) -> None:
    history.begin(tmp_path, A, B, "split")
    note = (tmp_path / "change.json").read_text()
    history.finish(tmp_path, B)
    (tmp_path / "change.json").write_text(note)
    history.finish(tmp_path, B)
    assert lines(tmp_path) == [(A, B, "split")]


def test_a_change_that_was_taken_back_is_forgotten(tmp_path: Path) -> None:
    history.begin(tmp_path, A, B, "split")
    history.take_back(tmp_path, A)
    assert history.previous(tmp_path, B) is None


def test_a_line_that_was_written_in_part_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('{"time": "2026-')
    made(tmp_path, A, B)
    assert history.previous(tmp_path, B) == A


def test_all_steps_of_a_canary_are_one_change_for_who_goes_back(tmp_path: Path) -> None:
    steps = [{"1.0": 100, "2.0": 0}, {"1.0": 95, "2.0": 5}, {"1.0": 50, "2.0": 50}, {"1.0": 0, "2.0": 100}]
    made(tmp_path, A, steps[0])
    for before, after in pairwise(steps):
        made(tmp_path, before, after, history.canary("2.0"))
    assert history.previous(tmp_path, steps[-1]) == {"1.0": 100}
    assert history.previous(tmp_path, C | {"1.0": 0}) == {"1.0": 100}
