"""A process that is started again when it ends, with growing pauses, and given up when it ends too often."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from scripts.serving import processes
from scripts.serving.processes import Record


@dataclass(frozen=True)
class Policy:
    """When a process that ended is started again.

    Attributes:
        first_pause_s: before its start after the second end in a row, doubled with each further one; after the first
            there is none.
        longest_pause_s: up to this.
        window_s: an end longer ago is forgotten.
        limit: so many ends within the window are too many; None: it is never given up.
    """

    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    window_s: float = 300.0
    limit: int | None = None

    def pause_s(self, ends: int) -> float | None:
        """Return the pause after so many ends within the window; None when they are too many."""
        if self.limit is not None and ends >= self.limit:
            return None
        return 0.0 if ends <= 1 else min(self.first_pause_s * 2.0 ** (ends - 2), self.longest_pause_s)


@dataclass(frozen=True)
class Ended:
    """A process's end.

    Attributes:
        code: its exit status, or minus the signal that ended it; None: it could not be started.
        pause_s: until it is started again; None: it ended too often.
        ends: how many there were within the window.
    """

    code: int | None
    pause_s: float | None
    ends: int


class Respawned:
    """One process, kept running as long as somebody calls `keep`."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]], policy: Policy) -> None:
        """Nothing happens yet; `start` returns the process, starting."""
        self.policy = policy
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self._record: Record | None = None
        self._ends_s: list[float] = []
        self._next_s = 0.0

    def launch(self) -> Record:
        """Start it and return its record; raises what `start` does."""
        self._process = self._start()
        self._record = Record.of(self._process.pid)
        return self._record

    def keep(self) -> Ended | Record | None:
        """Notice an end, or start it where its pause is over; return what happened, None where nothing did.

        What an ended process has left of its session is ended as well.
        """
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            return None if code is None else self._noted(code, now)
        if now < self._next_s:
            return None
        try:
            return self.launch()
        except (OSError, subprocess.SubprocessError):  # no memory, no file to write to: perhaps the next time
            return self._noted(None, now)

    def ended(self) -> int | None:
        """Return its exit status as `Ended` has it; None while it runs."""
        return self._process.poll() if self._process is not None else None

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def end(self, patience_s: float) -> None:
        """End it with all that it started: asked first, killed after `patience_s`."""
        if self._record is not None:
            processes.end(self._record, patience_s)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _noted(self, code: int | None, now: float) -> Ended:
        self.end(patience_s=0)
        self._ends_s = [at for at in self._ends_s if now - at < self.policy.window_s] + [now]
        pause_s = self.policy.pause_s(len(self._ends_s))
        self._next_s = now + (pause_s or 0.0)
        return Ended(code, pause_s, len(self._ends_s))
