"""Watches the servers of one run, and leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

from scripts.errors import UserError
from scripts.serving import changes, processes, state
from scripts.serving.companion import Companion
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.processes import Record
from scripts.serving.state import State

# Start-up as a whole; whatever does not come up is named within it.
START_WITHIN_S = 50.0
_DRAIN_S = 10.0
STOP_TORCHSERVE_S = 15.0
_STOP_ENVOY_S = 5.0
# As long as a stop can take, both servers having to be killed: what stops this process must leave it that time.
STOP_WITHIN_S = _DRAIN_S + _STOP_ENVOY_S + STOP_TORCHSERVE_S + 2 * processes.KILLED_WITHIN_S
EXIT_STATUS = {"torchserve": 3, "envoy": 4}


class Interrupted(Exception):
    """A signal asked for the end."""


class ServerDied(UserError):
    """One of the servers ended by itself.

    Attributes:
        exit_status: 3 for TorchServe, 4 for Envoy.
    """

    def __init__(self, name: str, code: int, log: Path | None) -> None:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        where = f"{_last_line(log)}see {log}" if log else "its last words are above"
        super().__init__(f"{name} {how}, so everything was stopped; {where}.")
        self.exit_status = EXIT_STATUS[name]


class Supervisor:
    """One run, in this process and in its main thread.

    Attributes:
        wanted: what is to run.
        edge: its files, for what starts it.
    """

    def __init__(self, wanted: Installation) -> None:
        """Prepare a run; nothing happens yet."""
        self.wanted = wanted
        self.edge = Edge(
            wanted.places.run,
            wanted.ports,
            wanted.spec.name,
            prediction_log=wanted.config.logs_predictions,
            harvest=wanted.config.harvests,
        )
        self._run = wanted.places.run
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path | None] = {}
        self._companions: dict[str, Companion] = {}
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
            ServerDied: a server ended by itself.
        """
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in signals}
        try:
            self._deadline = time.monotonic() + START_WITHIN_S
            start(self)
            on_ready()
            # After it: `start` shows what was printed as soon as it reads this.
            self._state = replace(self._state_now(), phase="serving").save(self._run)
            while self._signal is None:
                self._check()
                self._keep_companions()
                with contextlib.suppress(UserError):  # a log is no reason to end
                    self.edge.rotate_access_log()
                time.sleep(0.1)
        except UserError:
            self._check()  # a server that died is the cause, not that it gave no answer
            raise
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def launch(self, name: str, start: Callable[[], subprocess.Popen[bytes]], log: Path | None) -> None:
        """Start a server and write it down; `log` has what it prints, None: this process's own output.

        Raises:
            Interrupted, ServerDied: as `check_starting` does.
        """
        self.check_starting()
        if self._state is None:
            wanted, supervisor = self.wanted, Record.of(os.getpid(), session=False)
            self._state = State("starting", supervisor, wanted.ports, wanted.url, wanted.model).save(self._run)
            changes.save_static(wanted)
        self._logs[name] = log
        self._servers[name] = start()
        self._state = self._state.with_server(name, Record.of(self._servers[name].pid))
        self._state.save(self._run)

    def accompany(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        """Have a process beside the servers from when they serve on, whose end is the end of nothing."""
        self._companions[name] = Companion(start)

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
            logs = " and ".join(str(log) for log in self._logs.values() if log) or "the lines above"
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
        self._check()

    def _note(self, number: int, _: FrameType | None) -> None:
        # Only noted: an exception from here could come between a process's start and its record.
        self._signal = number

    def _check(self) -> None:
        for name, server in self._servers.items():
            code = server.poll()
            if code is not None:
                raise ServerDied(name, code, self._logs[name])

    def _keep_companions(self) -> None:
        for name, companion in self._companions.items():
            started = companion.keep()
            if started is not None:
                self._state = self._state_now().with_server(name, started)
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
            companion.end()
        if "envoy" in self._servers and self._servers["envoy"].poll() is None:
            self._drain()
        for name, patience_s in (("envoy", _STOP_ENVOY_S), ("torchserve", STOP_TORCHSERVE_S)):
            if name in self._state.servers:
                processes.end(self._state.servers[name], patience_s)
            if name in self._servers:
                self._servers[name].wait()
        state.clean_up(self._run)

    def _drain(self) -> None:
        """Let requests that are under way have their answers."""
        admin = Admin(self.wanted.ports.admin)
        with contextlib.suppress(UserError):  # it is going, with or without
            admin.drain()
            processes.wait_until(lambda: admin.active_requests() == 0, _DRAIN_S)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    return f"its last words: {lines[-1][:300]!r}; " if lines else ""
