"""What a kubelet does with a pod: containers in order, probes, restarts, an end in order.

Nothing happens by itself: the caller asks for each step, and so knows what has happened.
"""

import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

import requests

from scripts.serving import processes
from scripts.serving.places import Ports, variable
from tests.integration.server import free_ports
from tests.kubernetes.pod.container import Container, Node
from tests.kubernetes.pod.manifest import Pod, Probe
from tests.kubernetes.pod.tree import Tree
from tests.kubernetes.pod.volumes import Volumes

# All ports of a pod; a manifest's port is one of these.
PORTS = Ports(monitoring=9102, exporter=None)
# A kubelet asks at the pod's address. What listens on 127.0.0.1 alone does not answer here, as in a cluster; elsewhere
# than on Linux this address has to be set up first.
ADDRESS = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"


class Failed(Exception):
    """A container did not do what the next step needs; its words are in the message."""


@dataclass(frozen=True)
class Ended:
    """How a pod, or a container of it, ended.

    Attributes:
        statuses: exit status by container.
        hooks: exit status of each preStop, and what it printed.
        seconds: all of it.
    """

    statuses: Mapping[str, int | None]
    hooks: Mapping[str, tuple[int, str]]
    seconds: float


class Kubelet:
    """Runs one pod."""

    def __init__(self, pod: Pod, tree: Tree, folder: Path) -> None:
        """Make the pod's volumes in `folder`, which is new and has a short path; nothing runs yet."""
        self.pod = pod
        self.tree = tree
        self.ports = free_ports(PORTS)
        self.volumes = Volumes(pod, folder / "volumes", tree)
        folder.chmod(0o755)
        node = Node(pod, tree, self.volumes, folder, {variable(name): str(port) for name, port in self.ports.items()})
        self.home = node.home
        self.home.mkdir()
        self.home.chmod(0o777)
        self._order = (*pod.spec.init_containers, *pod.spec.containers)
        self.containers = {each.name: Container(each.name, node) for each in self._order}

    @property
    def url(self) -> str:
        """The pod's edge."""
        return f"http://{ADDRESS}:{self.ports['edge']}"

    @property
    def monitoring_url(self) -> str:
        """Where metrics are."""
        return f"http://{ADDRESS}:{self.ports['monitoring']}"

    def start(self) -> None:
        """Bring the pod up: every startup probe has passed when this returns.

        Raises:
            Failed: a container ended, or its startup probe gave up.
        """
        for described in self.pod.spec.init_containers:
            if described.restart_policy == "Always":
                self._started(self.containers[described.name])
            else:
                self.run(described.name)
        for described in self.pod.spec.containers:
            self._started(self.containers[described.name])

    def run(self, name: str) -> None:
        """Run an init container to its end.

        Raises:
            Failed: its exit status is not 0.
        """
        container = self.containers[name]
        container.start()
        status = container.wait(60)
        if status != 0:
            raise Failed(f"{name}: exit status {status}\n{container.last_words}")

    def ready(self) -> bool:
        """Return whether every readiness probe passes now."""
        return all(self._passes(each.readiness_probe) for each in self._order if each.readiness_probe)

    def alive(self) -> dict[str, bool]:
        """Return by container whether its liveness probe passes now."""
        return {each.name: self._passes(each.liveness_probe) for each in self._order if each.liveness_probe}

    def becomes_ready(self, within_s: float) -> bool:
        """Return whether the pod is ready within some seconds, asked as often as its probe says."""
        periods = [each.readiness_probe.period_seconds for each in self._order if each.readiness_probe]
        return processes.wait_until(self.ready, within_s, pause_s=min(periods) / 4)

    def restart(self, name: str) -> Ended:
        """Do what a liveness probe that has failed leads to: preStop, SIGTERM, and a new start on the same volumes."""
        ended = self._ended([name])
        self._started(self.containers[name])
        return ended

    def start_again(self, name: str) -> None:
        """Start a container whose process has ended."""
        container = self.containers[name]
        assert container.wait(processes.KILLED_WITHIN_S) is not None, f"{name} runs"
        self._started(container)

    def end(self) -> Ended:
        """End the pod in order: containers, each with its preStop, then sidecars, the last one first."""
        sidecars = [each.name for each in self.pod.spec.init_containers if each.restart_policy == "Always"]
        return self._ended([each.name for each in self.pod.spec.containers], sidecars[::-1])

    def kill(self) -> None:
        """End all that runs, at once."""
        for container in self.containers.values():
            container.kill()

    def _ended(self, names: list[str], then: list[str] | None = None) -> Ended:
        begun = time.monotonic()
        deadline = begun + self.pod.spec.termination_grace_period_seconds
        hooks = {}
        for name in names:
            lifecycle = self.pod.container(name).lifecycle
            if lifecycle:
                done = self.containers[name].exec(lifecycle.pre_stop.exec.command, deadline - time.monotonic())
                hooks[name] = (done.returncode, done.stdout + done.stderr)
        statuses = {}
        for name in (*names, *(then or ())):
            self.containers[name].signal(signal.SIGTERM)
            statuses[name] = self.containers[name].wait(max(deadline - time.monotonic(), 0))
            self.containers[name].kill()
        return Ended(statuses, hooks, time.monotonic() - begun)

    def _started(self, container: Container) -> None:
        container.start()
        probe = container.manifest.startup_probe
        assert probe is not None, f"{container.manifest.name} has no startup probe"
        for _ in range(probe.failure_threshold):
            if self._passes(probe):
                return
            if container.wait(0) is not None:
                break
            time.sleep(probe.period_seconds)
        raise Failed(f"{container.manifest.name}: its startup probe gave up\n{container.last_words}")

    def _passes(self, probe: Probe | None) -> bool:
        assert probe is not None
        name = {number: name for name, number in asdict(PORTS).items()}[probe.http_get.port]
        try:
            with requests.Session() as session:
                session.trust_env = False
                url = f"http://{ADDRESS}:{self.ports[name]}{probe.http_get.path}"
                return session.get(url, timeout=probe.timeout_seconds).status_code < HTTPStatus.BAD_REQUEST
        except requests.RequestException:
            return False
