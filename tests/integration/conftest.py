"""A real TorchServe behind a real Envoy, started once, on free ports, with real archives and cells."""

import hashlib
import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from PIL import Image

from handler.metadata import Metadata
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

    def verb(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Return what `python -m scripts.NAME` printed and its exit status."""
        argv = [sys.executable, "-m", f"scripts.{name}", *words]
        return subprocess.run(
            argv, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=VERB_S, check=False
        )

    @contextmanager
    def spawn(self, name: str) -> Iterator[subprocess.Popen[str]]:
        """Run `python -m scripts.NAME` for the length of a block, its output kept; a block that fails ends it."""
        argv = [sys.executable, "-m", f"scripts.{name}"]
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


def free_ports() -> dict[str, int]:
    """Return ports that nothing listens on; `worker` numbers the workers' sockets and is free in any case.

    They lie below the range from which the kernel takes the ports of outgoing connections (32768 and up on Linux):
    one of that range may be taken before the server binds it.
    """
    candidates = iter(random.sample(range(15_000, 32_000), 1000))
    return {name: next(port for port in candidates if _free(port)) for name in Ports().tcp()} | {"worker": 9000}


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """Return a folder whose path leaves room for a socket's name (108 bytes in all)."""
    with tempfile.TemporaryDirectory(prefix="ts-") as name:
        yield Path(name).resolve()


@pytest.fixture(scope="session")
def model_store(short_folder: Path, float32_archive: Path, int8_archive: Path) -> Path:
    """Return a copy of the archives that tests may add to."""
    store = short_folder / "store"
    store.mkdir()
    for archive in (float32_archive, int8_archive):
        for name in (archive.name, f"{archive.name}.sha256"):
            shutil.copy(archive.with_name(name), store)
    return store


@pytest.fixture(scope="session")
def jpeg(cell: bytes) -> bytes:
    """Return a cell as a JPEG."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(cell)).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def broken_archive(model_store: Path) -> Callable[[str, str], None]:
    """Return what puts a version into the store whose digest is right and whose worker fails as `statement` says."""

    def build(version: str, statement: str) -> None:
        source, target = (model_store / f"{MODEL}-{name}.mar" for name in ("1.0", version))
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name == "torchserve_entry.py":
                    content = content.replace(
                        b"        settings =", f"        {statement}\n        settings =".encode()
                    )
                    assert statement.encode() in content
                if name == "model.json":
                    described = Metadata.decode(content.decode()).model_copy(update={"version": version})
                    content = described.encode().encode()
                if name.startswith("MAR-INF"):
                    content = content.replace(b'"modelVersion": "1.0"', f'"modelVersion": "{version}"'.encode())
                new.writestr(name, content)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n")

    return build


@pytest.fixture(scope="session")
def server(short_folder: Path, model_store: Path) -> Iterator[Server]:
    """Return a server with 1.0 at 90 % and 2.0 at 10 %, for every test that leaves it as it was."""
    folder = short_folder / "shared"
    folder.mkdir()
    server = Server.prepare(folder, '"1.0": 90, "2.0": 10', model_store)
    started = server.verb("start")
    assert started.returncode == 0, started.stderr
    yield server
    stopped = server.verb("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert server.processes() == []


@pytest.fixture
def own_server(short_folder: Path, model_store: Path) -> Iterator[Server]:
    """Return an installation of this test alone, with 1.0 only; nothing runs yet."""
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    server = Server.prepare(folder, '"1.0": 100', model_store)
    yield server
    server.verb("stop")
    assert server.processes() == []
