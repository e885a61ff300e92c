"""A server that is kept up: what is said when it ends, and what it needs before it is of use again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.serving import ends
from scripts.serving.ends import ServerDied
from scripts.serving.processes import Record
from scripts.serving.respawn import Ended, Respawned


@dataclass
class Kept:
    """One server of a run.

    Attributes:
        name: `torchserve` or `envoy`.
        respawned: its process.
        log: what it prints; None: this process's own output has it.
        settle: does a step of what it needs after it was started again, and returns whether that was the last one.
        say: tells a person.
        settled: whether there is nothing left to do.
    """

    name: str
    respawned: Respawned
    log: Path | None
    settle: Callable[[], bool]
    say: Callable[[str], None]
    settled: bool = True

    def check(self) -> None:
        """Return when it runs, or was never started; raises ServerDied."""
        code = self.respawned.ended()
        if code is not None:
            raise ServerDied(self.name, code, self.log)

    def keep(self) -> Record | None:
        """Do what is due for it to stay up; return its record when it was started again.

        Raises:
            ServerDied: it ended more often than its policy bears.
        """
        event = self.respawned.keep()
        if isinstance(event, Ended):
            if event.pause_s is None:
                raise ends.too_often(self.name, event, self.respawned.policy.window_s, self.log)
            self.say(ends.again(self.name, event, self.log))
            return None
        if event is not None:
            self.settled = False
        elif not self.settled and self.respawned.runs and self.settle():
            self.settled = True
            self.say(f"{self.name} is back.")
        return event
