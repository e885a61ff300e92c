"""A verb that is killed before its n-th step: `python -m tests.integration.killing 3 scripts.split 1.0=50 2.0=50`.

A step is what others see: a file that is renamed, linked, removed or added to, and a request that changes TorchServe.
Python says each of them to its audit hooks before it happens (https://docs.python.org/3/library/audit_events.html).
"""

import os
import runpy
import signal
import sys
from typing import Any

_CHANGES = (b"POST", b"PUT", b"DELETE")
_PREDICTION = b"/predictions/"


class Steps:
    """Counts them, and ends the process, as `kill -9` does, before the last one that it may not take."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._taken = 0
        self._warming = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_one(event, arguments):
            return
        self._taken += 1
        if self._taken == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_one(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "http.client.send":
            sent = bytes(arguments[1])[:200]
            first_of_its_kind = not (_PREDICTION in sent and self._warming)
            self._warming |= _PREDICTION in sent
            return sent.startswith(_CHANGES) and first_of_its_kind
        if event == "open":
            return isinstance(arguments[1], str) and "a" in arguments[1]
        return event in ("os.rename", "os.remove", "os.link") and not str(arguments[0]).rpartition(".")[2].startswith(
            "pyc"
        )


if __name__ == "__main__":
    number, module, *words = sys.argv[1:]
    sys.addaudithook(Steps(int(number)))
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__")
