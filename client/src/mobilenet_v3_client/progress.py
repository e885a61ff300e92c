"""How far it is, on a terminal."""

from __future__ import annotations

import sys
import time

_WIDTH = 24
_EVERY_S = 0.1
_ERASED = "\r\x1b[K"


class Progress:
    """A line on standard error that is written over.

    Args:
        total: of the images; up to 1: nothing is shown.
    """

    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()
        self._shown = total > 1
        self._last = float("-inf")
        self.done = self.failed = 0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def erase(self) -> None:
        """Make room for a line of something else."""
        if self._shown:
            print(_ERASED, end="", file=sys.stderr, flush=True)

    def count(self, failed: bool) -> None:
        """One image more is done; write how far it is, at most ten times a second."""
        self.done += 1
        self.failed += failed
        now = time.monotonic()
        if self._shown and (now - self._last >= _EVERY_S or self.done == self._total):
            self._last = now
            print(_ERASED + self._line(), end="", file=sys.stderr, flush=True)

    def _line(self) -> str:
        filled = min(_WIDTH, _WIDTH * self.done // self._total)
        rate = self.done / max(self.seconds, 1e-9)
        failed = f", {self.failed} failed" if self.failed else ""
        left_s = max(0.0, self._total - self.done) / rate
        bar = "#" * filled + "." * (_WIDTH - filled)
        return f"{bar} {self.done}/{self._total}{failed}, {rate:.0f}/s, {left_s:.0f} s left"
