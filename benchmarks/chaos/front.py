"""Two hosts behind a front, where one retry on the other host is to spare the callers every fault of one."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import requests

from benchmarks.chaos.faults import Fault, envoy_killed, torchserve_killed, worker_killed
from benchmarks.chaos.host import Host, wait
from benchmarks.product import Files
from benchmarks.servers import free_ports
from scripts.errors import UserError
from scripts.serving.places import REPOSITORY, Ports, variable

ADDRESSES = ("127.0.0.2", "127.0.0.3")


@dataclass(frozen=True)
class Front:
    """A front that runs.

    Attributes:
        url: of its edge.
        hosts: those behind it.
        environment: of its verbs.
    """

    url: str
    hosts: Sequence[Host]
    environment: dict[str, str]

    def healthy(self) -> bool:
        """Return whether it and all of its hosts are well."""
        return all(host.healthy() for host in self.hosts) and requests.get(f"{self.url}/healthz", timeout=5).ok


def stopped_and_started(host: Host) -> None:
    """Stop a host in order, and start it again."""
    for verb in ("stop", "start"):
        host.ask(verb)


BEHIND_A_FRONT = (
    Fault("of two hosts, a worker of one is killed", worker_killed, 0.0),
    Fault("of two hosts, TorchServe of one is killed", torchserve_killed, 0.0),
    Fault("of two hosts, Envoy of one is killed", envoy_killed, 0.0),
    Fault("of two hosts, one is stopped, and started", stopped_and_started, 0.0),
)


@contextmanager
def running(folder: Path, hosts: Sequence[Host]) -> Iterator[Front]:
    """Start a front over the hosts, yield it when it is well, and stop it.

    Raises:
        UserError: it does not start, with its reason.
    """
    folder.mkdir()
    replicas = ", ".join(f"{{address: {host.address}, port: {host.product.ports.edge}}}" for host in hosts)
    traffic = folder / "traffic.yaml"
    traffic.write_text(Files.shipped().traffic.replace("\nreplicas: null\n", f"\nreplicas: [{replicas}]\n"))
    inherited = {key: value for key, value in os.environ.items() if not key.endswith("_PORT")}
    names = [variable(field.name) for field in fields(Ports) if field.name != "worker"]
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    environment = inherited | ports | {"RUN_DIR": str(folder / "run"), "TRAFFIC": str(traffic)}
    with ExitStack() as stack:
        stack.callback(_verb, environment, "stop")
        _verb(environment, "start", "--front")
        front = Front(f"http://127.0.0.1:{environment['EDGE_PORT']}", hosts, environment)
        wait("the front", front.healthy)
        yield front


def _verb(environment: dict[str, str], *words: str) -> None:
    argv = [sys.executable, "-m", f"scripts.{words[0]}", *words[1:]]
    done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"`{' '.join(words)}` of the front failed: {(done.stderr or done.stdout).strip()}")
