"""One host of the product, and what a fault needs to know of it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from benchmarks.product import MODEL, Product
from scripts.errors import UserError
from scripts.serving import processes, state
from scripts.serving.edge import Edge
from scripts.serving.places import REPOSITORY

_WITHIN_S = 60.0


@dataclass(frozen=True)
class Host:
    """A product that runs."""

    product: Product

    @property
    def run(self) -> Path:
        """Its run folder."""
        return Path(self.product.environment["RUN_DIR"])

    @property
    def url(self) -> str:
        """Its edge."""
        return f"http://{self.address}:{self.product.ports.edge}"

    @property
    def address(self) -> str:
        """Where its edge listens."""
        return self.product.environment.get("EDGE_ADDRESS", "127.0.0.1")

    def archive(self, version: str) -> Path:
        """Return a version's archive."""
        return Path(self.product.environment["MODEL_STORE"]) / f"{MODEL}-{version}.mar"

    def file(self, variable: str) -> Path:
        """Return the file that a variable of its environment names."""
        return Path(self.product.environment[variable])

    def server(self, name: str) -> int:
        """Return the process of `envoy`, `torchserve` or `exporter`."""
        found = state.load(self.run)
        if found is None or name not in found.servers:
            raise UserError(f"{name} does not run in {self.run}.")
        return found.servers[name].pid

    def worker(self, version: str) -> int | None:
        """Return the process of a version's first worker that is ready."""
        url = f"http://127.0.0.1:{self.product.ports.management}/models/{MODEL}/{version}"
        try:
            workers = requests.get(url, timeout=5).json()[0]["workers"]
        except (requests.RequestException, ValueError, KeyError):
            return None
        return next((int(worker["pid"]) for worker in workers if worker["status"] == "READY"), None)

    def kill(self, name: str) -> None:
        """Kill a server, and return when another process has its place."""
        before = self.server(name)
        os.kill(before, signal.SIGKILL)
        wait(f"{name} to be started again", lambda: self.server(name) != before)

    def kill_worker(self, version: str) -> None:
        """Kill a version's worker, and return when another has its place."""
        wait(f"a worker of {version}", lambda: self.worker(version) is not None)
        before = self.worker(version)
        os.kill(before or 0, signal.SIGKILL)
        wait(f"a worker of {version}", lambda: self.worker(version) not in (None, before))

    def split(self) -> dict[str, int]:
        """Return the weights in effect."""
        return Edge(self.run, self.product.ports, MODEL).split()

    def healthy(self) -> bool:
        """Return whether its /healthz says so."""
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def verb(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Return what a verb did."""
        return subprocess.run(
            [sys.executable, "-m", f"scripts.{name}", *words],
            cwd=REPOSITORY,
            env=dict(self.product.environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, name: str, *words: str) -> Any:
        """Return the JSON that a verb prints.

        Raises:
            UserError: it fails.
        """
        done = self.verb(name, *words, "--json")
        if done.returncode != 0:
            raise UserError(f"`{name}` failed: {done.stderr.strip()}")
        return json.loads(done.stdout)


def wait(what: str, done: Any) -> None:
    """Return when `done()` is true.

    Raises:
        UserError: it is not within a minute.
    """
    if not processes.wait_until(done, _WITHIN_S):
        raise UserError(f"waited in vain for {what}.")
