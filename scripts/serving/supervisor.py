"""Keeps the servers of one run up, and leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import FrameType

from scripts.errors import UserError
from scripts.serving import changes, processes, state
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.kept import Kept
from scripts.serving.processes import Record
from scripts.serving.respawn import Policy, Respawned
from scripts.serving.state import State

# Start-up as a whole; whatever does not come up is named within it.
START_WITHIN_S = 50.0
RESTARTED = Policy(limit=6)
"""Of a server: an accident is mended, and what can't stay up is given up after half a minute or so."""
NOT_RESTARTED = Policy(limit=1)
"""Where somebody else starts it again, as a kubelet does."""
_COMPANIONS = Policy()
_DRAIN_S = 10.0
STOP_TORCHSERVE_S = 15.0
_STOP_ENVOY_S = 5.0
# As long as a stop can take, both servers having to be killed: what stops this process must leave it that time.
STOP_WITHIN_S = _DRAIN_S + _STOP_ENVOY_S + STOP_TORCHSERVE_S + 2 * processes.KILLED_WITHIN_S


class Interrupted(Exception):
    """A signal asked for the end."""


class Supervisor:
    """One run, in this process and in its main thread.

    Attributes:
        wanted: what is to run.
        edge: its files, for what starts it.
    """

    def __init__(self, wanted: Installation, policy: Policy = RESTARTED, edge: Edge | None = None) -> None:
        """Prepare a run; nothing happens yet.

        Args:
            wanted: what is to run.
            policy: by which its servers are started again.
            edge: its files, where they are not those of an edge beside its TorchServe.
        """
        self.wanted = wanted
        self.edge = edge or Edge.of(wanted)
        self._run = wanted.places.run
        self._policy = policy
        self._servers: dict[str, Kept] = {}
        self._companions: dict[str, Respawned] = {}
        self._watches: list[Callable[[], None]] = []
        self._signal: int | None = None
        self._state: State | None = None
        self._deadline = 0.0

    def run(self, start: Callable[["Supervisor"], None], on_ready: Callable[[], None]) -> None:
        """Serve until a signal comes.

        Args:
            start: launches the servers and waits until they are up (scripts.serving.starting).
            on_ready: called once, after that.

        Raises:
            Interrupted: a signal came before that.
            UserError: something did not come up.
            ServerDied: a server ended by itself, during the start, or more often than the policy bears.
        """
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in signals}
        try:
            self._start(start, on_ready)
            while self._signal is None:
                self._keep()
                for watch in self._watches:
                    watch()
                time.sleep(0.1)
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def launch(
        self,
        name: str,
        start: Callable[[], subprocess.Popen[bytes]],
        log: Path | None,
        settle: Callable[[], bool] = lambda: True,
    ) -> None:
        """Start a server, and keep it from when it serves on.

        Args:
            name: by which the state has it.
            start: returns its process, starting; called again when that has ended.
            log: has what it prints, None: this process's own output. It begins anew here.
            settle: called after each later start until it returns True; does what the server needs to be of use again.

        Raises:
            Interrupted, ServerDied: as `check_starting` does.
        """
        self.check_starting()
        if self._state is None:
            wanted, supervisor = self.wanted, Record.of(os.getpid(), session=False)
            address = wanted.traffic.edge.address
            begun = State("starting", supervisor, wanted.ports, wanted.url, wanted.model, address=address)
            self._state = begun.save(self._run)
            changes.save_static(wanted)
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
        self._servers[name] = Kept(name, Respawned(start, self._policy), log, settle, self.say)
        self._state = self._state.with_server(name, self._servers[name].respawned.launch())
        self._state.save(self._run)

    def accompany(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        """Have a process beside the servers from when they serve on, whose end is the end of nothing."""
        self._companions[name] = Respawned(start, _COMPANIONS)

    def watch(self, look: Callable[[], None]) -> None:
        """Call `look` ten times a second from when the servers serve on; it returns soon."""
        self._watches.append(look)

    def say(self, sentence: str) -> None:
        """Tell whoever reads this process's output what happened, and when."""
        with contextlib.suppress(OSError):  # a full disk, or nobody who reads it any more, is no reason to end
            print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {sentence}", flush=True)

    def wait_for(self, what: str, ready: Callable[[], bool]) -> None:
        """Return when `ready()` is true.

        Raises:
            UserError: it is not within START_WITHIN_S of the start, or a server died.
            Interrupted: a signal came.
        """

        def done() -> bool:
            self.check_starting()
            return ready()

        if not processes.wait_until(done, self.left_s()):
            logs = " and ".join(str(server.log) for server in self._servers.values() if server.log) or "the lines above"
            raise UserError(f"{what} did not come up within {START_WITHIN_S:.0f} s of the start; see {logs}.")

    def left_s(self) -> float:
        """Return how long the start may still take."""
        return max(self._deadline - time.monotonic(), 0.0)

    def check_starting(self) -> None:
        """Return while nothing speaks against going on.

        Raises:
            Interrupted: a signal came.
            ServerDied: a server ended by itself.
        """
        if self._signal is not None:
            raise Interrupted(signal.Signals(self._signal).name)
        for server in self._servers.values():
            server.check()

    def _start(self, start: Callable[["Supervisor"], None], on_ready: Callable[[], None]) -> None:
        self._deadline = time.monotonic() + START_WITHIN_S
        try:
            start(self)
        except UserError:
            self.check_starting()  # a server that died is the cause, not that it gave no answer
            raise
        on_ready()
        # After it: `start` shows what was printed as soon as it reads this.
        self._state = replace(self._state_now(), phase="serving").save(self._run)

    def _note(self, number: int, _: FrameType | None) -> None:
        # Only noted: an exception from here could come between a process's start and its record.
        self._signal = number

    def _keep(self) -> None:
        for name, server in self._servers.items():
            if (record := server.keep()) is not None:
                self._restarted(name, record)
        for name, companion in self._companions.items():
            started = companion.keep()
            if isinstance(started, Record):
                self._restarted(name, started)

    def _restarted(self, name: str, record: Record) -> None:
        self._state = self._state_now().with_server(name, record)
        with contextlib.suppress(OSError):  # a full disk is no reason to end; `_stop` knows it all the same
            self._state.save(self._run)

    def _state_now(self) -> State:
        assert self._state is not None, "not started"
        return self._state

    def _stop(self) -> None:
        if self._state is None:
            return
        with contextlib.suppress(OSError):  # a full disk must not keep the servers alive
            replace(self._state, phase="stopping").save(self._run)
        for companion in self._companions.values():
            companion.end(patience_s=0)
        for name, patience_s in (("envoy", _STOP_ENVOY_S), ("torchserve", STOP_TORCHSERVE_S)):
            if name in self._servers:
                if name == "envoy" and self._servers[name].respawned.runs:
                    self._drain()
                self._servers[name].respawned.end(patience_s)
        state.clean_up(self._run)

    def _drain(self) -> None:
        """Let requests that are under way have their answers."""
        admin = Admin(self.wanted.ports.admin)
        with contextlib.suppress(UserError):  # it is going, with or without
            admin.drain()
            processes.wait_until(lambda: admin.active_requests() == 0, _DRAIN_S)
