"""The product, started by its own verb with the operator's files of this checkout."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

import requests

from benchmarks import usage
from benchmarks.server_metrics import Source
from benchmarks.servers import WORKERS, Target, free_ports
from benchmarks.usage import Part
from scripts.errors import UserError
from scripts.pipeline.spec import DEFAULT_MODEL
from scripts.serving import state
from scripts.serving.places import REPOSITORY, Places, Ports, variable
from scripts.tuning import edit

MODEL = "mobilenet_v3"
FLOAT32, INT8 = "1.0", "2.0"


@dataclass(frozen=True)
class Product:
    """A product that runs.

    Attributes:
        ports: its own.
        edge: Envoy.
        torchserve: front end and workers, those of every version together.
        first_answer_s: from the start of the verb to the first answered image.
        environment: of its verbs.
    """

    ports: Ports
    edge: list[Part]
    torchserve: list[Part]
    first_answer_s: float
    environment: Mapping[str, str]

    def through_edge(self, name: str, version: str, *, pinned: bool = False) -> Target:
        """Return the way of every caller: by the split, which leads to `version`, or to it by its own path."""
        path = f"/predictions/{MODEL}" + (f"/{version}" if pinned else "")
        url = f"http://127.0.0.1:{self.ports.edge}{path}"
        return Target(name, url, [*self.edge, *self.torchserve], self._metrics(version))

    def without_edge(self, name: str, version: str) -> Target:
        """Return TorchServe itself."""
        url = f"http://127.0.0.1:{self.ports.inference}/predictions/{MODEL}/{version}"
        return Target(name, url, self.torchserve, self._metrics(version))

    def _metrics(self, version: str) -> Source:
        return Source(f"http://127.0.0.1:{self.ports.metrics}/metrics", version)


@dataclass(frozen=True)
class Files:
    """The operator's two files, as text."""

    config: str
    traffic: str

    @classmethod
    def shipped(cls) -> "Files":
        """Return those of this checkout."""
        places = Places.from_environment(os.environ)
        return cls(places.config.read_text(), places.traffic.read_text())

    @classmethod
    def for_comparison(cls) -> "Files":
        """Return the same with two workers for each version, and all of the split on 2.0."""
        files = cls.shipped()
        settings = {version: {"minWorkers": WORKERS, "maxWorkers": WORKERS} for version in (FLOAT32, INT8)}
        return cls(edit.with_settings(files.config, MODEL, settings), only(INT8, FLOAT32))


@contextmanager
def running(
    folder: Path, image: bytes, files: Files, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Product]:
    """Start the product, yield it and stop it.

    Args:
        folder: for its configuration, logs and state; its path must be short (Unix sockets).
        image: sent for the first answer.
        files: its configuration.
        variables: of its environment, besides those that every product gets.

    Raises:
        UserError: it does not start, with its reason.
    """
    environment = _environment(folder, files) | dict(variables)
    started = time.monotonic()
    try:
        _verb("start", environment)
        ports = Ports().overridden(environment)
        url = f"http://{environment.get('EDGE_ADDRESS', '127.0.0.1')}:{ports.edge}/predictions/{MODEL}"
        answer = requests.post(url, data=image, headers={"content-type": "application/octet-stream"}, timeout=60)
        answer.raise_for_status()
        first_answer_s = time.monotonic() - started
        found = state.load(folder / "run")
        if found is None:
            raise UserError(f"the product left no state in {folder / 'run'}.")
        parts = usage.torchserve(found.servers["torchserve"])
        yield Product(ports, usage.whole(found.servers["envoy"], "edge"), parts, first_answer_s, environment)
    finally:
        _verb("stop", environment)


def _environment(folder: Path, files: Files) -> dict[str, str]:
    folder.mkdir()
    config, traffic = folder / "config.properties", folder / "traffic.yaml"
    config.write_text(files.config)
    traffic.write_text(files.traffic)
    inherited = {key: value for key, value in os.environ.items() if not key.endswith("_PORT")}
    names = [variable(field.name) for field in fields(Ports) if field.name != "worker"]
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    own = {
        "RUN_DIR": str(folder / "run"),
        "CONFIG": str(config),
        "TRAFFIC": str(traffic),
        "KEYS": str(folder / "keys.yaml"),
        "MODEL": DEFAULT_MODEL,
        "MODEL_STORE": str(Places.from_environment(os.environ).model_store.resolve()),
    }
    return inherited | ports | own


def only(version: str, *ready: str) -> str:
    """Return a traffic.yaml that gives everything to `version` and nothing to those that are `ready` besides."""
    weights = ", ".join([f'"{version}": 100', *(f'"{other}": 0' for other in ready)])
    return f"split: {{{weights}}}\nsticky_header: x-user-id\n"


def _verb(name: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"scripts.{name}"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UserError(f"`make {name}` of the product failed: {(done.stderr or done.stdout).strip()}")
