"""One container: its environment, its words, its process and what that prints."""

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from scripts.serving import processes
from tests.kubernetes.pod import manifest
from tests.kubernetes.pod.manifest import Pod
from tests.kubernetes.pod.tree import Tree
from tests.kubernetes.pod.volumes import Volumes

_REFERENCE = re.compile(r"\$\$|\$\((?P<name>[A-Za-z_][\w.-]*)\)")
# In the environment of all that a container starts, as `HOSTNAME` is in a pod: by it a container's processes are known,
# whose end takes all others of the container along.
_MARK = "CONTAINER"


@dataclass(frozen=True)
class Node:
    """What the containers of a pod share.

    Attributes:
        pod: as rendered.
        tree: their image.
        volumes: the pod's.
        folder: for what they print.
        given: variables of every one, over the manifest's: the free ports, which no manifest can know.
    """

    pod: Pod
    tree: Tree
    volumes: Volumes
    folder: Path
    given: Mapping[str, str]

    @property
    def home(self) -> Path:
        """The user's home. A user without one has `/`, which can't be written; here, what is written is to be seen."""
        return self.folder / "home"


class Container:
    """A container of a pod.

    Attributes:
        manifest: as rendered.
        environment: what its processes get.
        process: its first process; None before the first start.
    """

    def __init__(self, name: str, node: Node) -> None:
        """Make a container that does not run."""
        self.manifest = node.pod.container(name)
        self.process: subprocess.Popen[bytes] | None = None
        self._node = node
        self._log = node.folder / f"{name}.log"
        self._declared = _declared(self.manifest, node.pod)
        inside = node.tree.environment | self._declared
        here = {key: node.volumes.here(self.manifest, value) for key, value in inside.items()}
        kept = {"HOME": str(node.home), _MARK: str(node.folder / name)}
        self.environment: Mapping[str, str] = {**here, **node.tree.machine, **kept, **node.given}

    @property
    def output(self) -> str:
        """All that it has printed, of every start."""
        return self._log.read_text(errors="replace")

    @property
    def last_words(self) -> str:
        """The last of its output."""
        return "\n".join(self.output.splitlines()[-30:])

    def start(self) -> None:
        """Start it, on volumes as they are."""
        assert self.process is None or self.process.poll() is not None, f"{self.manifest.name} runs"
        with self._log.open("ab") as stream:
            self.process = subprocess.Popen(
                self._words((*self.manifest.command, *self.manifest.args)), **self._how(), stdout=stream, stderr=stream
            )

    def exec(self, words: Iterable[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Return what a command does that is run inside."""
        return subprocess.run(
            self._words(words), **self._how(), capture_output=True, text=True, timeout=timeout_s, check=False
        )

    @contextlib.contextmanager
    def begun(self, words: Iterable[str]) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a command inside, beside the block, which has to see to its end."""
        with subprocess.Popen(self._words(words), **self._how()) as process:
            yield process

    def wait(self, timeout_s: float) -> int | None:
        """Return its exit status, all of its processes being gone; None where it still runs."""
        assert self.process is not None, f"{self.manifest.name} was not started"
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        self._sweep()
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its first process."""
        assert self.process is not None, f"{self.manifest.name} was not started"
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once, with all of its processes."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._sweep()

    def processes(self) -> list[psutil.Process]:
        """Return all that runs in it."""
        return [process for process in psutil.process_iter() if _marked(process, self.environment[_MARK])]

    def _sweep(self) -> None:
        """What the kernel does when the first process of a container's namespace ends."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert processes.wait_until(lambda: not self.processes(), processes.KILLED_WITHIN_S)

    def _words(self, words: Iterable[str]) -> list[str]:
        here = [self._node.volumes.here(self.manifest, expanded(word, self._declared)) for word in words]
        assert here[0] == "python", f"{here}: looked for on this process's PATH and not on the image's"
        return [str(self._node.tree.python), *here[1:]]

    def _how(self) -> dict[str, Any]:
        user = self._node.pod.spec.security_context
        return {
            "cwd": self._node.tree.working,
            "env": dict(self.environment),
            "stdin": subprocess.DEVNULL,
            # A group of its own, and no terminal's Ctrl-C.
            "start_new_session": True,
            **self._node.tree.identity(user.run_as_user, user.run_as_group),
        }


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with each `$(NAME)` replaced; one that has no value stays, and `$$` is a `$`."""
    return _REFERENCE.sub(lambda found: variables.get(found["name"], found[0]) if found["name"] else "$", text)


def _declared(container: manifest.Container, pod: Pod) -> dict[str, str]:
    """Return the variables that a manifest sets: those of `env` win, and may refer to what comes before them."""
    variables: dict[str, str] = {}
    for source in container.env_from:
        variables |= pod.config_maps[source.config_map_ref.name]
    for variable in container.env:
        variables[variable.name] = expanded(variable.value, variables)
    return variables


def _marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == mark
    except psutil.Error:
        return False
