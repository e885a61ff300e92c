"""How a server ended, in words."""

import signal
from pathlib import Path

from scripts.errors import UserError
from scripts.serving.respawn import Ended

EXIT_STATUS = {"torchserve": 3, "envoy": 4}
_LAST_WORDS, _LAST_BYTES = 300, 1 << 16


class ServerDied(UserError):
    """One of the servers ended by itself, and not only once where it was started again.

    Attributes:
        exit_status: 3 for TorchServe, 4 for Envoy.
    """

    def __init__(self, name: str, code: int | None, log: Path | None, often: str = "") -> None:
        super().__init__(f"{name} {how(code)}{often}, so everything was stopped; {_words(log)}.")
        self.exit_status = EXIT_STATUS[name]


def how(code: int | None) -> str:
    """Return how a process ended whose exit status is `code`, minus a signal's number, or None: it did not start."""
    if code is None:
        return "could not be started"
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def again(name: str, ended: Ended, log: Path | None) -> str:
    """Return what there is to say when a server that ended is started again."""
    after = f" in {ended.pause_s:g} s" if ended.pause_s else ""
    return f"{name} {how(ended.code)} and is started again{after}; {_words(log)}."


def too_often(name: str, ended: Ended, window_s: float, log: Path | None) -> ServerDied:
    """Return the error of a server that ended once too often."""
    times = f", for the {ended.ends}th time within {window_s:.0f} s" if ended.ends > 1 else ""
    return ServerDied(name, ended.code, log, times)


def _words(log: Path | None) -> str:
    if log is None:
        return "its last words are above"
    lines = _end(log).strip().splitlines() if log.is_file() else []
    return (f"its last words: {lines[-1][:_LAST_WORDS]!r}; " if lines else "") + f"see {log}"


def _end(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(log.stat().st_size - _LAST_BYTES, 0))
        return stream.read().decode(errors="replace")
