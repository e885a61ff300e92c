"""A process beside the servers: started again with growing pauses when it ends, and never a reason for them to end."""

import subprocess
import time
from collections.abc import Callable

from scripts.serving import processes
from scripts.serving.processes import Record

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Companion:
    """Keeps one process running, as long as somebody calls `keep`."""

    def __init__(
        self,
        start: Callable[[], subprocess.Popen[bytes]],
        first_pause_s: float = _FIRST_PAUSE_S,
        longest_pause_s: float = _LONGEST_PAUSE_S,
    ) -> None:
        """Nothing happens yet.

        Args:
            start: returns the process, starting.
            first_pause_s: between its end and its next start; doubled with each end,
            longest_pause_s: up to this. Who has run for as long begins anew.
        """
        self._start = start
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._process: subprocess.Popen[bytes] | None = None
        self._record: Record | None = None
        self._began_s = 0.0
        self._next_s = 0.0
        self._pause_s = first_pause_s

    def keep(self) -> Record | None:
        """Start the process where it does not run and its pause is over; return the record of one that was started."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            if now - self._began_s >= self._longest_pause_s:
                self._pause_s = self._first_pause_s
            self._wait(now)
        if self._process is not None or now < self._next_s:
            return None
        self._began_s = now
        try:
            self._process = self._start()
        except (OSError, subprocess.SubprocessError):  # no memory, no file to write to: perhaps the next time
            self._wait(now)
            return None
        self._record = Record.of(self._process.pid)
        return self._record

    def end(self) -> None:
        """End the process at once: it holds nothing that has to be put in order."""
        if self._process is not None and self._record is not None:
            processes.end(self._record, patience_s=0)
            self._process.wait()
            self._process = None

    def _wait(self, now: float) -> None:
        self._next_s = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, self._longest_pause_s)
