"""A real TorchServe behind a real Envoy, started once, on free ports, with real archives and cells."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from scripts.serving.places import REPOSITORY, Ports, variable

# A verb that hangs fails its test; the verbs' own limits are below.
VERB_S = 120
MODEL = "mobilenet_v3"


@dataclass(frozen=True)
class Server:
    """One installation in a folder of its own; it may run or not.

    Attributes:
        run_dir: logs, process records, rendered configuration.
        ports: free ones, by the names of scripts.serving.places.Ports.
        environment: what its verbs need.
    """

    run_dir: Path
    ports: Mapping[str, int]
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def prepare(cls, folder: Path, split: str, model_store: Path) -> "Server":
        """Return an installation with copies of the shipped configuration and another split, as in `"1.0": 100`."""
        shutil.copy(REPOSITORY / "config.properties", folder)
        shipped = (REPOSITORY / "traffic.yaml").read_text()
        before, rest = shipped.split("split:\n")
        after = rest[rest.index("\n\n") :]
        (folder / "traffic.yaml").write_text(f"{before}split: {{{split}}}{after}")
        ports = free_ports()
        inherited = {key: value for key, value in os.environ.items() if not key.endswith("_PORT")}
        environment = inherited | {variable(name): str(port) for name, port in ports.items()}
        environment |= {
            "RUN_DIR": str(folder / "run"),
            "CONFIG": str(folder / "config.properties"),
            "TRAFFIC": str(folder / "traffic.yaml"),
            "MODEL_STORE": str(model_store.resolve()),
        }
        return cls(folder / "run", ports, environment)

    @property
    def url(self) -> str:
        """The edge."""
        return f"http://127.0.0.1:{self.ports['edge']}"

    @property
    def inference_url(self) -> str:
        """TorchServe itself."""
        return f"http://127.0.0.1:{self.ports['inference']}"

    @property
    def management_url(self) -> str:
        """TorchServe's management API."""
        return f"http://127.0.0.1:{self.ports['management']}"

    @property
    def metrics_url(self) -> str:
        """TorchServe's metrics, as Prometheus reads them."""
        return f"http://127.0.0.1:{self.ports['metrics']}/metrics"

    @property
    def config(self) -> Path:
        """Its config.properties."""
        return Path(self.environment["CONFIG"])

    @property
    def traffic(self) -> Path:
        """Its traffic.yaml."""
        return Path(self.environment["TRAFFIC"])

    def verb(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Return what `python -m scripts.NAME` printed and its exit status."""
        argv = [sys.executable, "-m", f"scripts.{name}", *words]
        return subprocess.run(
            argv, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=VERB_S, check=False
        )

    def spawn(self, name: str) -> subprocess.Popen[str]:
        """Return `python -m scripts.NAME`, running, its output kept."""
        argv = [sys.executable, "-m", f"scripts.{name}"]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, cwd=REPOSITORY, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def ask(self, name: str, *words: str) -> Any:
        """Return the JSON that a verb prints; it has to succeed."""
        done = self.verb(name, *words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def predict(self, image: bytes, version: str | None = None, **options: Any) -> requests.Response:
        """Return the edge's answer to an image."""
        path = f"/predictions/{MODEL}" + (f"/{version}" if version else "")
        headers = {"content-type": "image/png"} | options.pop("headers", {})
        return requests.post(self.url + path, data=image, headers=headers, timeout=60, **options)

    def processes(self) -> list[psutil.Process]:
        """Return what runs for this installation: RUN_DIR is in the environment of every one, workers too."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.environ().get("RUN_DIR") == str(self.run_dir)
                and process.pid != os.getpid()
            )
        except psutil.Error:
            return False


def free_ports() -> dict[str, int]:
    """Return ports that nothing listens on; `worker` numbers the workers' sockets and is free in any case."""
    names = Ports().tcp()
    sockets = [socket.socket() for _ in names]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}
    for each in sockets:
        each.close()
    return ports | {"worker": 9000}


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """Return a folder whose path leaves room for a socket's name (108 bytes in all)."""
    with tempfile.TemporaryDirectory(prefix="ts-") as name:
        yield Path(name).resolve()


@pytest.fixture(scope="session")
def server(short_folder: Path, float32_archive: Path, int8_archive: Path) -> Iterator[Server]:
    """Return a server with 1.0 at 90 % and 2.0 at 10 %, for every test that leaves it as it was."""
    folder = short_folder / "shared"
    folder.mkdir()
    server = Server.prepare(folder, '"1.0": 90, "2.0": 10', float32_archive.parent)
    started = server.verb("start")
    assert started.returncode == 0, started.stderr
    yield server
    stopped = server.verb("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert server.processes() == []


@pytest.fixture
def own_server(short_folder: Path, float32_archive: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Return an installation of this test alone, with 1.0 only; nothing runs yet."""
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    server = Server.prepare(folder, '"1.0": 100', float32_archive.parent)
    yield server
    server.verb("stop")
    assert server.processes() == []
