"""What the commands of a document find: a copy of the checkout, as it was, and a server that runs.

There are `.venv`; the archives 1.0, 2.0 and 3.0 (2.0 under another number) of the default model; `photos/`, twenty
images each of `cat` and `dog`; `cell.png` and `photo.jpg`. The ports that documents name stand for ports of this test.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.serving import loopback, processes
from scripts.serving.places import Ports, variable
from tests.documents import checkout
from tests.documents.blocks import Block
from tests.integration.server import free_ports

BLOCK_S = 180
READY_S = 120
# What the fixture does in the reader's place.
_CLONE = re.compile(r"^git clone <this repository>.*$", re.MULTILINE)


@dataclass(frozen=True)
class World:
    """A checkout that a reader could have.

    Attributes:
        folder: of the checkout.
        ports: by the names of scripts.serving.places.Ports.
        environment: of its commands.
    """

    folder: Path
    ports: Mapping[str, int]
    environment: Mapping[str, str]

    def run(self, block: Block) -> subprocess.CompletedProcess[str]:
        """Return what a block printed; a command of it that fails ends it."""
        return subprocess.run(
            self._argv(block),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_S,
            check=False,
        )

    @contextmanager
    def beside(self, block: Block) -> Iterator[None]:
        """Run a block that stays in the foreground, from when it serves on; Ctrl-C ends it."""
        self.stop()
        log = self.folder / "run" / "documents.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("w") as output:
            process = subprocess.Popen(
                self._argv(block),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            ready = processes.wait_until(lambda: process.poll() is not None or self.serves, READY_S)
            assert ready and process.poll() is None, f"{block}: {log.read_text()}"
            yield
            assert process.poll() is None, f"{block} ended before Ctrl-C: {log.read_text()}"
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(READY_S)
        assert not self.serves

    def _argv(self, block: Block) -> list[str]:
        text = _CLONE.sub("", block.text)
        for name, port in Ports().tcp().items():
            text = re.sub(rf"(?<=[:=]){port}\b", str(self.ports[name]), text)
        if block.language == "python":
            return [str(self.folder / ".venv/bin/python"), "-c", text]
        first = [remark.removeprefix("first:") for remark in block.remarks if remark.startswith("first:")]
        return ["bash", "-e", "-c", "\n".join([*first, text])]

    @property
    def serves(self) -> bool:
        """Whether the edge lets everybody in who asks it in plain HTTP, and can answer."""
        return loopback.status(f"http://127.0.0.1:{self.ports['edge']}/healthz") == 200

    def verb(self, *words: str) -> str:
        """Return what a verb prints; it has to succeed."""
        argv = [sys.executable, "-m", *words]
        done = subprocess.run(
            argv, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=BLOCK_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> None:
        """Stop the server, if one runs."""
        self.verb("scripts.stop")

    def put_back(self) -> None:
        """Bring the files back to what a document begins with, and a server that runs to those."""
        changed = checkout.restore(self.folder)
        checkout.fill_store(self.folder / "model_store")
        if changed and self.serves:
            self.verb("scripts.apply")
            if '"3.0"' in self.verb("scripts.status", "--json"):
                self.stop()

    def start(self) -> None:
        """Have a server run, with its metrics."""
        if self.serves:
            return
        self.stop()
        self.verb("scripts.start")
        exporter = f"http://127.0.0.1:{self.ports['exporter']}/metrics"
        assert processes.wait_until(lambda: loopback.status(exporter) == 200, READY_S)


@contextmanager
def made() -> Iterator[World]:
    """Give a world whose server runs; its path leaves room for a socket's name."""
    with TemporaryDirectory(prefix="ts-") as name:
        folder = Path(name).resolve()
        checkout.make(folder)
        ports = free_ports()
        # What make was told of this run is not for those that the documents call.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        kept = {key: value for key, value in inherited.items() if not key.endswith("_PORT") and key != "MODEL_STORE"}
        named = {variable(key): str(port) for key, port in ports.items()}
        world = World(folder, ports, kept | named | {"CURL_HOME": str(folder)})
        try:
            yield world
        finally:
            world.stop()
