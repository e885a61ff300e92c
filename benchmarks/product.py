"""The product, started by its own verb with the operator's files of this checkout."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import requests

from benchmarks import usage
from benchmarks.servers import WORKERS, Target, free_port
from benchmarks.usage import Part
from scripts.errors import UserError
from scripts.serving import properties_edit, state, traffic_file
from scripts.serving.places import REPOSITORY, Places, Ports, variable

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
    """

    ports: Ports
    edge: list[Part]
    torchserve: list[Part]
    first_answer_s: float

    def through_edge(self, name: str, version: str | None = None) -> Target:
        """Return the way of every caller; without a version, by the split."""
        path = f"/predictions/{MODEL}" + (f"/{version}" if version else "")
        return Target(name, f"http://127.0.0.1:{self.ports.edge}{path}", [*self.edge, *self.torchserve])

    def without_edge(self, name: str, version: str) -> Target:
        """Return TorchServe itself."""
        url = f"http://127.0.0.1:{self.ports.inference}/predictions/{MODEL}/{version}"
        return Target(name, url, self.torchserve)


@contextmanager
def running(folder: Path, image: bytes, *, for_comparison: bool) -> Iterator[Product]:
    """Start the product, yield it and stop it.

    Args:
        folder: for its configuration, logs and state; its path must be short (Unix sockets).
        image: sent for the first answer.
        for_comparison: with two workers a version and all of the split on 2.0; otherwise exactly as it is shipped.

    Raises:
        UserError: it does not start, with its reason.
    """
    environment = _configure(folder, for_comparison)
    started = time.monotonic()
    try:
        _verb("start", environment)
        ports = Ports().overridden(environment)
        url = f"http://127.0.0.1:{ports.edge}/predictions/{MODEL}"
        answer = requests.post(url, data=image, headers={"content-type": "image/jpeg"}, timeout=60)
        answer.raise_for_status()
        first_answer_s = time.monotonic() - started
        found = state.load(folder / "run")
        if found is None:
            raise UserError(f"the product left no state in {folder / 'run'}.")
        parts = usage.torchserve(found.servers["torchserve"])
        yield Product(ports, usage.whole(found.servers["envoy"], "edge"), parts, first_answer_s)
    finally:
        _verb("stop", environment)


def _configure(folder: Path, for_comparison: bool) -> dict[str, str]:
    folder.mkdir()
    places = Places.from_environment(os.environ)
    config, split = folder / "config.properties", folder / "traffic.yaml"
    shutil.copy(places.config, config)
    shutil.copy(places.traffic, split)
    if for_comparison:
        for version in (FLOAT32, INT8):
            config.write_text(properties_edit.with_workers(config, MODEL, version, WORKERS))
        split.write_text(traffic_file.rewrite(split, split={INT8: 100}))
    inherited = {key: value for key, value in os.environ.items() if not key.endswith("_PORT")}
    ports = {variable(field.name): str(free_port()) for field in fields(Ports) if field.name != "worker"}
    return (
        inherited
        | ports
        | {
            "RUN_DIR": str(folder / "run"),
            "CONFIG": str(config),
            "TRAFFIC": str(split),
            "MODEL_STORE": str(places.model_store.resolve()),
        }
    )


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
