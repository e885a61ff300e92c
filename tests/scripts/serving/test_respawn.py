"""A process that ends again and again."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from scripts.serving import processes
from scripts.serving.processes import Record
from scripts.serving.respawn import Ended, Policy, Respawned


def started(argv: list[str | Path]) -> Callable[[], "subprocess.Popen[bytes]"]:
    return lambda: subprocess.Popen(argv, start_new_session=True)


def events(respawned: Respawned, count: int) -> list[Ended | Record]:
    """Return the next things that happen to it."""
    found: list[Ended | Record] = []

    def enough() -> bool:
        event = respawned.keep()
        found.extend([event] if event is not None else [])
        return len(found) == count

    assert processes.wait_until(enough, 60, pause_s=0.01)
    return found


def test_one_that_was_killed_is_said_to_be_and_is_started_again_at_once() -> None:
    respawned = Respawned(started(["sleep", "600"]), Policy())
    first = respawned.launch()
    assert respawned.keep() is None
    os.kill(first.pid, signal.SIGKILL)
    ended, again = events(respawned, 2)
    assert ended == Ended(code=-9, pause_s=0.0, ends=1)
    assert isinstance(again, Record)
    assert again.alive()
    respawned.end(patience_s=0)
    assert not again.alive()
    assert not respawned.runs


def test_what_it_had_started_goes_with_it(tmp_path: Path) -> None:
    """As TorchServe's workers do, which would keep their sockets from those of the next one."""
    number = tmp_path / "pid"
    respawned = Respawned(started(["sh", "-c", f"sleep 600 & echo $! > {number}; wait"]), Policy())
    first = respawned.launch()
    assert processes.wait_until(lambda: number.is_file() and number.read_text().endswith("\n"), 30)
    child = Record.of(int(number.read_text()), session=False)
    for process in first.members():
        if process.pid == first.pid:
            process.kill()
    events(respawned, 1)
    assert not child.alive()
    respawned.end(patience_s=0)


def test_each_time_it_ends_the_pause_is_longer() -> None:
    starts: list[float] = []

    def ends_at_once() -> "subprocess.Popen[bytes]":
        starts.append(time.monotonic())
        return subprocess.Popen(["true"], start_new_session=True)

    respawned = Respawned(ends_at_once, Policy(first_pause_s=0.1, longest_pause_s=100))
    respawned.launch()
    found = [event for event in events(respawned, 7) if isinstance(event, Ended)]
    respawned.end(patience_s=0)
    assert [event.pause_s for event in found] == [0.0, 0.1, 0.2, 0.4]
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert [pause >= least for pause, least in zip(pauses, (0.0, 0.1, 0.2), strict=True)] == [True] * 3


def test_it_is_given_up_at_the_limit() -> None:
    respawned = Respawned(started(["true"]), Policy(first_pause_s=0.01, limit=3))
    respawned.launch()
    last = [event for event in events(respawned, 5) if isinstance(event, Ended)][-1]
    assert (last.pause_s, last.ends) == (None, 3)


def test_an_end_long_ago_does_not_count() -> None:
    policy = Policy(window_s=0.2)
    respawned = Respawned(started(["true"]), policy)
    for _ in range(2):
        respawned.launch()
        [ended] = events(respawned, 1)
        assert isinstance(ended, Ended)
        assert ended.ends == 1
        time.sleep(policy.window_s)


def test_one_that_can_not_be_started_is_tried_again(tmp_path: Path) -> None:
    respawned = Respawned(started([tmp_path / "missing"]), Policy(first_pause_s=0.01, limit=2))
    assert events(respawned, 2) == [Ended(None, 0.0, 1), Ended(None, None, 2)]
