"""What goes wrong with chosen requests, on a test's demand."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Request:
    """One request as it came; `body` is decoded, None where there was none."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    body: Any


class ConnectionLost(Exception):
    """The connection is closed in place of an answer."""


@dataclass
class Fault:
    """For the next `times` requests of `method` with `pattern` in their path: `act`, which may raise the answer."""

    method: str
    pattern: str
    act: Callable[[Request], object]
    times: int = 1
    moment: Moment = "before"

    def concerns(self, request: Request) -> bool:
        """Whether it is this fault's request."""
        return self.times > 0 and request.method == self.method and bool(re.search(self.pattern, request.path))


@dataclass
class Faults:
    """Those still to come, in the order in which they were asked for."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, fault: Fault) -> None:
        """Expect the request."""
        with self._lock:
            self._faults.append(fault)

    def meet(self, request: Request, moment: Moment) -> None:
        """Do what the first fault that concerns the request at `moment` does; raises what it raises."""
        with self._lock:
            found = next((each for each in self._faults if each.moment == moment and each.concerns(request)), None)
            if found:
                found.times -= 1
        # Outside the lock: what a test does here may take its time, and other requests go on.
        if found:
            found.act(request)
