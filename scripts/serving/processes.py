"""Child processes that can't outlive their work: started in sessions of their own, recorded, ended whole."""

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

# The kernel ends a killed process at once, unless it waits for a disk.
KILLED_WITHIN_S = 5.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Record:
    """A process that can be recognised later: numbers are reused, a number with its start time is not.

    Attributes:
        pid: its number, which is its session's as well.
        created_s: its start, in seconds of a clock that nobody sets (`_started_s`).
        session: whether it leads a session of its own, which then holds all that it starts.
        boot: of the machine; the clock begins anew with each.
    """

    pid: int
    created_s: float
    session: bool = True
    boot: str = ""

    @classmethod
    def of(cls, pid: int, session: bool = True) -> "Record":
        """Return the record of a living process."""
        return cls(pid, _started_s(pid), session, _boot())

    def alive(self) -> bool:
        """Return whether this very process still runs; a zombie does not."""
        try:
            same = _started_s(self.pid) == self.created_s and self.boot == _boot()
            return same and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def members(self) -> list[psutil.Process]:
        """Return the living processes of its session: itself and what it started, orphans too."""
        if not self.session:
            return [psutil.Process(self.pid)] if self.alive() else []
        # While members live, the kernel gives the session's number to nobody else. A process with that number that
        # started at another time is therefore a stranger with a session of its own.
        if psutil.pid_exists(self.pid) and not self.alive() and not _is_zombie(self.pid):
            return []
        return [process for process in psutil.process_iter() if self._holds(process)]

    def _holds(self, process: psutil.Process) -> bool:
        try:
            in_session = os.getsid(process.pid) == self.pid
            # A member can't be older than the leader.
            return in_session and _started_s(process.pid) >= self.created_s and not _is_zombie(process.pid)
        except (ProcessLookupError, PermissionError, psutil.Error):
            return False


def start(
    argv: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str], output: Path | None
) -> subprocess.Popen[bytes]:
    """Return a process in a session of its own, told to end when this thread does.

    What it prints is added to `output`; None: it goes where this process's own words go.

    A terminal's Ctrl-C does not reach it: the supervisor decides the order in which the servers end. Call it from the
    main thread: the kernel's signal comes when the *thread* that started the process ends (prctl(2), PR_SET_PDEATHSIG).
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before the call
                os._exit(1)

    with output.open("ab") if output else contextlib.nullcontext() as stream:
        return subprocess.Popen(
            [str(word) for word in argv],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream and subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509  (the supervisor has one thread)
        )


def end(record: Record, patience_s: float) -> None:
    """Return when nothing of a process's session runs: asked first, killed after `patience_s`."""
    members = record.members()
    for process in members:
        if process.pid == record.pid:
            _signal(process, signal.SIGTERM)
    if not record.alive():
        patience_s = min(patience_s, 1.0)  # orphans: nobody is left who would end them in order
    if not wait_until(lambda: not record.members(), patience_s):
        for process in record.members():
            _signal(process, signal.SIGKILL)
        wait_until(lambda: not record.members(), KILLED_WITHIN_S)


def wait_until(done: Callable[[], Any], timeout_s: float, pause_s: float = 0.05) -> bool:
    """Return whether `done()` became true within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True


def _started_s(pid: int) -> float:
    """Return when a process was started: on Linux in seconds since the machine's boot, elsewhere since 1970.

    psutil adds the time of the boot to the kernel's count, and that moves whenever the clock is set.

    Raises:
        psutil.NoSuchProcess: there is none of this number.
    """
    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    try:
        # proc(5): behind the name, which may hold anything, field 22 is the start in ticks.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return int(fields[22 - 3]) / os.sysconf("SC_CLK_TCK")


@functools.cache
def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.is_file() else ""


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
