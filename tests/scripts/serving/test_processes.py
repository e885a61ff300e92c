"""Child processes: found again, ended whole, never somebody else's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from scripts.serving import processes
from scripts.serving.processes import Record

# A leader that starts a child, says so, and ends only when it is killed.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
print("ready", flush=True)
time.sleep(600)
"""


def spawn(folder: Path, program: str) -> subprocess.Popen[bytes]:
    output = folder / "output"
    process = processes.start([sys.executable, "-c", program], cwd=folder, environment=os.environ, output=output)
    assert processes.wait_until(lambda: b"ready" in output.read_bytes(), 30)
    return process


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = spawn(tmp_path, STUBBORN)
    record = Record.of(process.pid)
    yield process
    processes.end(record, 0)
    process.wait()


def test_ending_a_record_ends_its_children_too(stubborn: subprocess.Popen[bytes]) -> None:
    record = Record.of(stubborn.pid)
    assert len(record.members()) == 2
    processes.end(record, 0.2)
    assert record.members() == []


def test_an_orphan_is_still_found_by_its_session(stubborn: subprocess.Popen[bytes]) -> None:
    record = Record.of(stubborn.pid)
    stubborn.kill()
    stubborn.wait()
    assert not record.alive()
    assert len(record.members()) == 1
    processes.end(record, 0.2)
    assert record.members() == []


def test_a_process_that_only_has_the_number_is_a_stranger(stubborn: subprocess.Popen[bytes]) -> None:
    record = Record.of(stubborn.pid)
    for stranger in (replace(record, created_s=record.created_s - 60), replace(record, boot="of yesterday")):
        assert not stranger.alive()
        assert stranger.members() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel itself keeps the time of the day")
def test_a_process_is_recognised_and_ended_after_the_clock_was_set(
    stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a set clock changes of a process is the time of its machine's boot, and so psutil's time of its start."""
    record = Record.of(stubborn.pid)
    started = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: started(process) + 3600)
    assert record == Record.of(stubborn.pid)
    assert len(record.members()) == 2
    processes.end(record, 0.2)
    assert record.members() == []


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom scripts.serving import processes\n"
        f"child = processes.start(['sleep', '600'], cwd=Path({str(tmp_path)!r}), environment=os.environ,"
        f" output=Path({str(tmp_path / 'sleep')!r}))\n"
        "print('ready', child.pid, flush=True)\ntime.sleep(600)"
    )
    output = tmp_path / "output"
    parent = processes.start(
        [sys.executable, "-c", program], cwd=Path.cwd(), environment={**os.environ, "PYTHONPATH": "."}, output=output
    )
    assert processes.wait_until(lambda: b"ready" in output.read_bytes(), 30)
    child = Record.of(int(output.read_text().split()[1]))
    parent.kill()
    parent.wait()
    assert processes.wait_until(lambda: not child.alive(), 30)


def test_waiting_gives_up_in_the_end() -> None:
    assert processes.wait_until(lambda: True, 0)
    assert not processes.wait_until(lambda: False, 0.01)
