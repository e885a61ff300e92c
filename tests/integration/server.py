"""One installation of the project, in a folder and on ports of its own, and what a test asks of it."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
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
    def prepare(cls, folder: Path, split: str, model_store: Path, model: str = "elpv") -> "Server":
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
            "KEYS": str(folder / "keys.yaml"),
            "MODEL_STORE": str(model_store.resolve()),
            "MODEL": model,
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

    @property
    def store(self) -> Path:
        """Its archives."""
        return Path(self.environment["MODEL_STORE"])

    def verb(self, name: str, *words: str, within_s: float = VERB_S) -> subprocess.CompletedProcess[str]:
        """Return what `python -m scripts.NAME` printed and its exit status."""
        return self.run([sys.executable, "-m", f"scripts.{name}", *words], within_s)

    def run(self, argv: Sequence[str], within_s: float = VERB_S) -> subprocess.CompletedProcess[str]:
        """Return what a command in its environment printed and its exit status."""
        return subprocess.run(
            argv, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=within_s, check=False
        )

    @contextmanager
    def spawn(self, name: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run `python -m scripts.NAME` for the length of a block, its output kept; a block that fails ends it."""
        argv = [sys.executable, "-m", f"scripts.{name}", *words]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            argv, cwd=REPOSITORY, env=self.environment, stdout=pipe, stderr=pipe, text=True
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()  # leaving the block would wait for it
                raise

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


def free_ports(wanted: Ports = Ports()) -> dict[str, int]:  # noqa: B008  (frozen)
    """Return a port that nothing listens on for each that is wanted; `worker` numbers the workers' sockets.

    They lie below the range from which the kernel takes the ports of outgoing connections (32768 and up on Linux):
    one of that range may be taken before the server binds it.
    """
    candidates = iter(random.sample(range(15_000, 32_000), 1000))
    return {name: next(port for port in candidates if _free(port)) for name in wanted.tcp()} | {"worker": 9000}


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
