"""Takes a version whose workers can't stay up out of the split, and back when they can; one change at a time."""

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from scripts.errors import UserError
from scripts.locks import Taken
from scripts.serving import ejections, eligible
from scripts.serving.crash_loops import CrashLoops
from scripts.serving.edge import Edge
from scripts.serving.live import Live
from scripts.serving.management import Management

_EVERY_S = 1.0
# After a change that was refused: a file with a mistake in it is not mended within a second.
_AGAIN_S = 10.0
_ANSWER_WITHIN_S = 2.0


@dataclass
class Ejecting:
    """The watch over the versions of one run.

    Attributes:
        run: its folder.
        edge: its files.
        management: TorchServe's, asked with little patience.
        say: tells a person.
    """

    run: Path
    edge: Edge
    management: Management
    say: Callable[[str], None]
    loops: CrashLoops = field(default_factory=CrashLoops)
    _next_s: float = 0.0
    _out: set[str] = field(default_factory=set)
    _unfinished: bool = False

    def look(self) -> None:
        """Look at the workers once a second, and do what follows from it."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        try:
            registered = {each.version: each for each in self.management.describe_all()}
        except UserError:
            registered = {}
        if not registered:
            self.loops.forget()  # TorchServe is gone, and its workers with it
            return
        self.loops.see(now_s, registered)
        try:
            self._follow(now_s, registered)
        except Taken:
            return  # a command changes the server just now: at the next look
        except (UserError, OSError) as error:
            self.say(f"a version that can't answer stays in the split: {error}")
            self._next_s = now_s + _AGAIN_S

    def _follow(self, now_s: float, registered: Collection[str]) -> None:
        out = ejections.current(self.run)
        for version in self._out - {*out}:
            self.loops.pardon(version)
        self._out = {*out}
        failing = self.loops.failing(now_s) | {
            version: "TorchServe does not have it"
            for version, weight in self.edge.split().items()
            if weight and version not in registered
        }
        going = {version: reason for version, reason in failing.items() if version not in out}
        back = [version for version in out if version in registered and self.loops.steady(now_s, version)]
        if going or back or self._unfinished:
            self._change(going, back)

    def _change(self, going: dict[str, str], back: list[str]) -> None:
        with Live.attach(os.environ, patience_s=0) as live:
            can_go = [version for version in going if self._others_can_answer(live, version)]
            if not (can_go or back or self._unfinished):
                self._next_s += _AGAIN_S
                return
            # Where the edge can't be brought to it, as while Envoy is started again, that is tried at a later look.
            self._unfinished = True
            for version in can_go:
                stay_s = self.loops.ejected(time.monotonic(), version)
                ejections.eject(self.run, version, going[version])
                self._out.add(version)
                self.say(
                    f"version {version} is out of the split, for {going[version]}; the others have its traffic. "
                    f"It comes back when its workers have lived for {stay_s:.0f} s, or by `make apply`."
                )
            for version in back:
                ejections.readmit(self.run, version)
                self.say(f"version {version} is back in the split: its workers stay up.")
            live.catch_up()
            self._unfinished = False

    def _others_can_answer(self, live: Live, version: str) -> bool:
        traffic, out = live.wanted.traffic, ejections.current(self.run)
        able = {name: description for name, description in live.descriptions().items() if name not in out}
        return version in traffic.versions and eligible.without(traffic, version, able) is not None
