"""The release's metrics, from logs as they are written."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from scripts.canarying.plan import Plan
from scripts.canarying.record import Record, State
from scripts.exporting import looks
from scripts.reporting.ratio import log_factor
from scripts.serving.processes import Record as Process
from tests.monitoring.documents import ALERTS
from tests.scripts.exporting.exported import Exported
from tests.scripts.reporting.written import LABELS, Traffic, answer, request, write


@pytest.fixture
def exported(tmp_path: Path) -> Exported:
    """Return an installation whose split is half and half and not sticky, without archives and without logs."""
    return Exported(tmp_path, tmp_path)


def test_the_share_of_a_version_stands_beside_what_its_weight_makes_due(exported: Exported) -> None:
    write(
        exported.run / "access.log", [request(str(each), "2.0" if each % 5 < 2 else "1.0", each) for each in range(50)]
    )
    exported.look()
    labels = ("version", "unit")
    shares = {("1.0", "requests"): 0.6, ("2.0", "requests"): 0.4}
    assert exported.series("release_share_ratio", *labels) == pytest.approx(shares)
    due = {("1.0", "requests"): 0.5, ("2.0", "requests"): 0.5}
    assert exported.series("release_share_expected_ratio", *labels) == pytest.approx(due)
    assert exported.series("release_weight_ratio", "version") == {("1.0",): 0.5, ("2.0",): 0.5}
    p_value, broken = exported.value("release_split_mismatch_p_value"), exported.value("release_split_broken")
    assert p_value is not None
    assert (p_value > 0.1, broken) == (True, 0)


def test_shares_that_are_not_those_of_the_weights_are_a_broken_split(exported: Exported) -> None:
    Traffic(1000, share=0.3).write(exported.run)
    exported.look()
    p_value = exported.value("release_split_mismatch_p_value")
    assert p_value is not None
    assert (p_value < 0.001, exported.value("release_split_broken")) == (True, 1)
    verdicts = exported.series("release_verdict", "baseline", "candidate", "decision")
    assert [key for key, one in verdicts.items() if one] == [("1.0", "2.0", "the split is broken")]
    assert len(verdicts) == 5


def test_with_sticky_users_it_is_users_that_are_counted(exported: Exported) -> None:
    """One user with many requests of one version is one draw."""
    exported.traffic.write_text('sticky_header: x-user-id\nsplit: {"1.0": 50, "2.0": 50}\n')
    users = [(str(each), "one" if each < 90 else str(each)) for each in range(100)]
    version = {name: "2.0" if name == "one" or int(name) % 2 else "1.0" for _, name in users}
    write(exported.run / "access.log", [request(name, version[user]) for name, user in users])
    write(
        exported.run / "predictions/mobilenet_v3-w.jsonl",
        [answer(name, version[user], user=user) for name, user in users],
    )
    exported.look()
    shares = exported.series("release_share_ratio", "version", "unit")
    assert shares == pytest.approx({("1.0", "users"): 5 / 11, ("2.0", "users"): 6 / 11})


def test_a_shadow_that_answers_otherwise_is_seen_beside_the_version_and_with_how_many_images(
    exported: Exported,
) -> None:
    served = [answer(str(each), "1.0") for each in range(8)]
    copies = [answer(str(each), "3.0", LABELS[each % 4 == 0], shadow=True) for each in range(8)]
    write(exported.run / "predictions" / "mobilenet_v3-worker.jsonl", served + copies)
    exported.look()
    pair = ("version", "shadow")
    assert exported.series("release_disagreement_ratio", *pair) == {("1.0", "3.0"): 0.25}
    assert exported.series("release_compared_images", *pair) == {("1.0", "3.0"): 8}


def test_answers_that_drift_are_held_against_the_gate_and_against_the_baseline(
    tmp_path: Path, float32_archive: Path
) -> None:
    exported = Exported(tmp_path, float32_archive.parent)
    lines = [answer(f"a{each}", "1.0", LABELS[each % 4 == 0]) for each in range(400)]
    lines += [answer(f"b{each}", "2.0", LABELS[1], probability=0.55) for each in range(400)]
    lines += [answer(f"c{each}", "2.0", LABELS[each % 4 == 0], shadow=True) for each in range(400)]
    write(exported.run / "predictions" / "mobilenet_v3-worker.jsonl", lines)
    exported.look()
    labels = ("version", "role", "of", "against")
    index, noise = (exported.series(f"release_drift_{name}", *labels) for name in ("index", "noise"))
    assert index.keys() == noise.keys()
    much = {key for key, value in index.items() if value > max(0.25, noise[key])}
    assert {key for key in much if "class mix" in key} == {
        ("2.0", "served", "class mix", "gate"),
        ("2.0", "served", "class mix", "1.0"),
    }
    assert {key for key in much if key[-1] == "1.0" and "confidence" in key} == {("2.0", "served", "confidence", "1.0")}
    assert ("1.0", "served", "confidence", "gate") in index
    assert index["2.0", "shadow", "class mix", "1.0"] < 0.01


def test_what_can_not_be_known_has_no_series_and_is_named(exported: Exported) -> None:
    """Sticky users without a prediction log, and nothing but one version."""
    exported.traffic.write_text('sticky_header: x-user-id\nsplit: {"1.0": 50, "2.0": 50}\n')
    write(exported.run / "access.log", [request(str(each), "1.0", each) for each in range(10)])
    exported.look()
    for name in ("split_broken", "split_mismatch_p_value"):
        assert exported.value(f"release_{name}") is None
    for name in ("share_ratio", "disagreement_ratio", "drift_index", "verdict"):
        assert exported.series(f"release_{name}") == {}
    assert exported.known() == set()
    assert exported.value("release_report_success") == 1
    Traffic(100).write(exported.run)
    exported.look()
    assert exported.known() == {"split", "drift", "verdict"}


def test_before_there_are_logs_it_says_that_none_can_be_read(exported: Exported) -> None:
    assert exported.value("release_report_success") is None
    exported.look()
    assert exported.value("release_report_success") == 0
    assert exported.value("release_report_timestamp_seconds") is None
    assert exported.release.look
    assert "neither predictions/mobilenet_v3-*.jsonl nor access.log is there" in exported.release.look.failure
    write(exported.run / "access.log", [])
    exported.look()
    assert exported.value("release_report_success") == 1


def test_when_logs_can_no_longer_be_read_the_last_figures_stay_with_their_time(exported: Exported) -> None:
    Traffic(100).write(exported.run)
    exported.look(3600)
    shares, at = exported.series("release_share_ratio", "version", "unit"), "release_report_timestamp_seconds"
    before = exported.value(at)
    shutil.rmtree(exported.run / "predictions")
    (exported.run / "access.log").unlink()
    exported.look(3700)
    assert exported.value("release_report_success") == 0
    assert (exported.series("release_share_ratio", "version", "unit"), exported.value(at)) == (shares, before)


def test_logs_that_need_more_than_they_get_are_said_to_and_nothing_is_left_on_the_disk(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    Traffic(100).write(exported.run)
    left = exported.run / "exporter.tmp"
    left.mkdir()
    (left / "of a process that was killed").touch()
    exported.look()
    assert exported.value("release_report_success") == 1
    assert not left.exists()
    monkeypatch.setitem(looks._DATABASE, "memory_limit", "5MB")
    exported.look()
    assert exported.release.look
    assert exported.release.look.failure.startswith("OutOfMemoryException: ")
    assert exported.value("release_report_success") == 0
    assert not left.exists()


def test_what_was_logged_more_than_a_day_ago_does_not_count(exported: Exported) -> None:
    day = 24 * 3600
    early, late = ([request(f"{at}-{each}", f"{at}.0", at * day / 2) for each in range(10)] for at in (1, 2))
    write(exported.run / "access.log", early + late)
    labels, one, two = ("version", "unit"), ("1.0", "requests"), ("2.0", "requests")
    exported.look(1.2 * day)
    assert exported.series("release_share_ratio", *labels) == {one: 0.5, two: 0.5}
    exported.look(1.7 * day)
    assert exported.series("release_share_ratio", *labels) == {one: 0, two: 1}


def test_lines_that_can_not_be_read_are_counted(exported: Exported) -> None:
    path = write(exported.run / "access.log", [request("a", "1.0")])
    path.write_text(path.read_text() + "no json\n{}\n")
    exported.look()
    assert exported.value("release_malformed_lines") == 2


def test_weights_are_those_of_the_file_now_and_unknown_while_it_has_a_mistake(exported: Exported) -> None:
    exported.traffic.write_text('split: {"1.0": 75, "2.0": 25}\n')
    assert exported.series("release_weight_ratio", "version") == {("1.0",): 0.75, ("2.0",): 0.25}
    exported.traffic.write_text('split: {"1.0": 75, "2.0": 20}\n')
    assert exported.series("release_weight_ratio", "version") == {}
    exported.look()
    assert exported.release.look
    assert "the weights add up to 95" in exported.release.look.failure


def canary(exported: Exported, state: State, process: Process) -> None:
    """Write down a canary that has 25 %."""
    plan = Plan("3.0", {"2.0": 100}, (5, 25, 50, 100), 20, 300, 30, 0.1)
    Record(plan, state, 25, "", 1.7e9, process).save(exported.run)


def canary_states(exported: Exported) -> list[Any]:
    states = exported.series("release_canary_state", "version", "state")
    return [key for key, value in states.items() if value]


def test_a_canary_is_shown_with_its_percent_and_its_state(exported: Exported) -> None:
    assert canary_states(exported) == []
    canary(exported, "step", Process.of(os.getpid()))
    assert canary_states(exported) == [("3.0", "step")]
    assert exported.series("release_canary_percent", "version") == {("3.0",): 25}
    canary(exported, "rolled back", Process.of(os.getpid()))
    assert canary_states(exported) == [("3.0", "rolled back")]


def test_a_canary_that_goes_on_without_its_process_is_abandoned(exported: Exported) -> None:
    with psutil.Popen(["true"]) as gone:
        canary(exported, "shadow", Process(gone.pid, 0.0))
        gone.wait()
        assert canary_states(exported) == [("3.0", "abandoned")]


def test_a_canarys_file_that_is_half_there_is_none(exported: Exported) -> None:
    (exported.run / "canary.json").write_text('{"version": "3.0"')
    assert canary_states(exported) == []


@pytest.mark.parametrize("took_s", [0.01, 0.75, 1, 60])
def test_looks_take_at_most_a_twentieth_of_a_core(took_s: float) -> None:
    assert looks.pause_s(took_s) >= 15
    assert took_s / (took_s + looks.pause_s(took_s)) <= 0.05


def test_a_split_that_is_right_calls_nobody_in_a_month() -> None:
    """The window slides, so that the limit of one look is passed more often than once in a thousand."""
    limit = float(ALERTS["SplitIsBroken"]["expr"].split("<")[1])
    random, a_day, weights = np.random.default_rng(0), 1000, np.array([0.9, 0.1])
    called = 0
    for _ in range(200):
        drawn = np.cumsum(np.concatenate([[0], random.random(30 * a_day) < weights[1]]))
        ends = np.arange(a_day, 30 * a_day + 1, 10)
        counts = drawn[ends] - drawn[ends - a_day]
        factors = log_factor(np.stack([a_day - counts, counts], axis=-1).astype(float), weights)
        called += bool(factors.max() > -np.log(limit))
    assert called <= 4
