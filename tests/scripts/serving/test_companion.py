"""A process beside the servers that ends again and again."""

import subprocess
import time
from itertools import pairwise
from pathlib import Path

from scripts.serving import processes
from scripts.serving.companion import Companion
from scripts.serving.processes import Record


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], start_new_session=True)


def test_it_is_started_once_and_again_when_it_has_ended() -> None:
    companion = Companion(sleeper, first_pause_s=0.01)
    first = companion.keep()
    assert first is not None
    assert companion.keep() is None
    processes.end(first, 0)
    again: list[Record] = []

    def back() -> bool:
        found = companion.keep()
        again.extend([found] if found else [])
        return bool(again)

    assert processes.wait_until(back, 30)
    assert again[0].alive()
    assert again[0].pid != first.pid
    companion.end()
    assert not again[0].alive()


def test_each_time_it_ends_the_pause_is_longer() -> None:
    started: list[float] = []

    def ends_at_once() -> subprocess.Popen[bytes]:
        started.append(time.monotonic())
        return subprocess.Popen(["true"], start_new_session=True)

    companion = Companion(ends_at_once, first_pause_s=0.1, longest_pause_s=100)
    assert processes.wait_until(lambda: companion.keep() is None and len(started) == 4, 60, pause_s=0.01)
    companion.end()
    pauses = [later - earlier for earlier, later in pairwise(started)]
    assert [pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True)] == [True] * 3


def test_one_that_can_not_be_started_is_no_error(tmp_path: Path) -> None:
    companion = Companion(lambda: subprocess.Popen([tmp_path / "missing"]))
    assert companion.keep() is None
    companion.end()
