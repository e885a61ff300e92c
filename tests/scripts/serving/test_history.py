"""The history of splits, which a rollback goes by."""

from pathlib import Path

from scripts.serving import history

A, B, C = {"1.0": 90, "2.0": 10}, {"1.0": 50, "2.0": 50}, {"1.0": 0, "2.0": 100}


def test_without_a_change_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    assert history.previous(tmp_path, A) is None


def test_the_split_before_the_last_change_is_the_previous_one(tmp_path: Path) -> None:
    history.add(tmp_path, A, B, "split")
    history.add(tmp_path, B, C, "promote")
    assert history.previous(tmp_path, C) == B


def test_after_an_edit_by_hand_the_last_split_of_a_command_is_the_previous_one(tmp_path: Path) -> None:
    history.add(tmp_path, A, B, "split")
    assert history.previous(tmp_path, C) == B


def test_what_changes_no_weight_is_not_written_down(tmp_path: Path) -> None:
    history.add(tmp_path, A, B, "split")
    history.add(tmp_path, B, dict(B), "shadow")
    assert history.previous(tmp_path, B) == A
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 1
