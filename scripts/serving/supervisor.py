"""Starts TorchServe and the edge, watches both, and leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import requests

from scripts.errors import UserError
from scripts.serving import changes, envoy_process, ports, processes, state, torchserve
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.management import Management
from scripts.serving.processes import Record
from scripts.serving.state import State

# Start-up as a whole; whatever does not come up is named within it.
START_WITHIN_S = 50.0
_DRAIN_S = 10.0
_STOP_TORCHSERVE_S = 15.0
_STOP_ENVOY_S = 5.0
# As long as a stop can take, both servers having to be killed: what stops this process must leave it that time.
STOP_WITHIN_S = _DRAIN_S + _STOP_ENVOY_S + _STOP_TORCHSERVE_S + 2 * processes.KILLED_WITHIN_S
EXIT_STATUS = {"torchserve": 3, "envoy": 4}


class Interrupted(Exception):
    """A signal asked for the end."""


class ServerDied(UserError):
    """One of the two servers ended by itself.

    Attributes:
        exit_status: 3 for TorchServe, 4 for Envoy.
    """

    def __init__(self, name: str, code: int, log: Path) -> None:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        super().__init__(f"{name} {how}, so everything was stopped; {_last_line(log)}see {log}.")
        self.exit_status = EXIT_STATUS[name]


class Supervisor:
    """One run, in this process and in its main thread."""

    def __init__(self, wanted: Installation) -> None:
        """Prepare a run; nothing happens yet."""
        self._wanted = wanted
        self._run = wanted.places.run
        self._edge = Edge(self._run, wanted.ports, wanted.spec.name)
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = {"torchserve": self._run / "torchserve" / "torchserve.log", "envoy": self._edge.log}
        self._signal: int | None = None
        self._state: State | None = None
        self._deadline = 0.0

    def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until a signal comes.

        Args:
            on_ready: called once, when /healthz is 200.

        Raises:
            Interrupted: a signal came before that.
            UserError: something did not come up.
            ServerDied: a server ended by itself.
        """
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in signals}
        try:
            self._start()
            on_ready()
            # After it: `start` shows what was printed as soon as it reads this.
            self._state = replace(self._state_now(), phase="serving").save(self._run)
            while self._signal is None:
                self._check()
                with contextlib.suppress(UserError):  # a log is no reason to end
                    self._edge.rotate_access_log()
                time.sleep(0.1)
        except UserError:
            self._check()  # a server that died is the cause, not that it gave no answer
            raise
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        # Only noted: an exception from here could come between a process's start and its record.
        self._signal = number

    def _start(self) -> None:
        wanted = self._wanted
        self._deadline = time.monotonic() + START_WITHIN_S
        ports.require_free(wanted.ports, wanted.traffic.edge.address)
        supervisor = Record.of(os.getpid(), session=False)
        self._state = State("starting", supervisor, wanted.ports, wanted.url, wanted.model).save(self._run)
        changes.save_static(wanted)
        self._launch("torchserve", lambda: torchserve.start(wanted.config, wanted.ports, wanted.places))
        self._await("TorchServe", lambda: _ok(f"http://127.0.0.1:{wanted.ports.inference}/ping"))
        self._register()
        self._edge.prepare(wanted.traffic)
        self._launch("envoy", lambda: envoy_process.start(self._edge, wanted.traffic.edge.threads))
        admin = Admin(wanted.ports.admin)
        self._await("the edge", admin.answers)
        self._edge.wait_taken(self._check_starting)
        self._await("/healthz", lambda: _ok(f"{wanted.url}/healthz"))

    def _register(self) -> None:
        wanted = self._wanted
        traffic, config, name = wanted.traffic, wanted.config, wanted.spec.name
        model_log = torchserve.Folders(self._run / "torchserve").model_log
        with Management(wanted.ports.management, name, model_log) as management:
            # The default first: TorchServe makes the first one its default, and workers come up side by side.
            for version in sorted(traffic.versions, key=lambda version: version != traffic.default):
                settings = config.version(name, version)
                management.register(wanted.places.archive(name, version), settings)
            for version in traffic.versions:
                workers = config.version(name, version).min_workers
                management.wait_ready(version, workers, self._left_s(), self._check_starting)

    def _launch(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._check_starting()
        self._servers[name] = start()
        self._state = self._state_now().with_server(name, Record.of(self._servers[name].pid))
        self._state.save(self._run)

    def _await(self, what: str, ready: Callable[[], bool]) -> None:
        def done() -> bool:
            self._check_starting()
            return ready()

        if not processes.wait_until(done, self._left_s()):
            logs = " and ".join(str(self._logs[name]) for name in self._servers)
            raise UserError(f"{what} did not come up within {START_WITHIN_S:.0f} s of the start; see {logs}.")

    def _left_s(self) -> float:
        return max(self._deadline - time.monotonic(), 0.0)

    def _check_starting(self) -> None:
        if self._signal is not None:
            raise Interrupted(signal.Signals(self._signal).name)
        self._check()

    def _check(self) -> None:
        for name, server in self._servers.items():
            code = server.poll()
            if code is not None:
                raise ServerDied(name, code, self._logs[name])

    def _state_now(self) -> State:
        assert self._state is not None, "not started"
        return self._state

    def _stop(self) -> None:
        if self._state is None:
            return
        with contextlib.suppress(OSError):  # a full disk must not keep the servers alive
            replace(self._state, phase="stopping").save(self._run)
        if "envoy" in self._servers and self._servers["envoy"].poll() is None:
            self._drain()
        for name, patience_s in (("envoy", _STOP_ENVOY_S), ("torchserve", _STOP_TORCHSERVE_S)):
            if name in self._state.servers:
                processes.end(self._state.servers[name], patience_s)
            if name in self._servers:
                self._servers[name].wait()
        state.clean_up(self._run)

    def _drain(self) -> None:
        """Let requests that are under way have their answers."""
        admin = Admin(self._wanted.ports.admin)
        with contextlib.suppress(UserError):  # it is going, with or without
            admin.drain()
            processes.wait_until(lambda: admin.active_requests() == 0, _DRAIN_S)


def _ok(url: str) -> bool:
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    return f"its last words: {lines[-1][:300]!r}; " if lines else ""
