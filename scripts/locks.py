"""One process at a time."""

import contextlib
import fcntl
import time
from pathlib import Path
from typing import TextIO

from scripts.errors import UserError


class Taken(UserError):
    """Another process holds it."""


def hold(path: Path, taken: str, patience_s: float = 0.0) -> TextIO:
    """Return `path`, opened and locked until it is closed or this process ends, however it ends.

    Args:
        path: a file made for this, in a folder that need not be there yet.
        taken: what to say when another process holds it.
        patience_s: how long to wait for it before.

    Raises:
        Taken: another process holds it.
        UserError: it can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); set RUN_DIR to a folder that can.") from error
    deadline = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        if time.monotonic() >= deadline:
            lock.close()
            raise Taken(taken)
        time.sleep(0.05)
