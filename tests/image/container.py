"""An image's command, run as a container engine would: as the image's user, with the image's environment alone."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from scripts.serving import keys, processes
from scripts.serving.places import variable
from tests.image.steps import Image, loader
from tests.integration.server import MODEL, free_ports

START_S = 90
STOP_S = 60
KEY = "ann.of-a-test"
WHO_MAY_BECOME_ANOTHER_USER = os.geteuid() == 0


@dataclass(frozen=True)
class Container:
    """A command that runs, and what it is asked."""

    image: Image
    process: subprocess.Popen[bytes]
    ports: Mapping[str, int]
    environment: Mapping[str, str]
    log: Path

    @property
    def url(self) -> str:
        """The edge."""
        return f"http://127.0.0.1:{self.ports['edge']}"

    def predict(self, image: bytes) -> requests.Response:
        """Return the edge's answer to an image."""
        headers = {"content-type": "image/png", "x-api-key": KEY}
        return requests.post(f"{self.url}/predictions/{MODEL}", data=image, headers=headers, timeout=60)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Return what a command prints beside the one that runs, as `docker exec` would."""
        return run(self.image, list(words), self.environment)

    def ask(self, verb: str, *words: str) -> Any:
        """Return the JSON that a verb prints."""
        done = self.run("python", "-m", f"scripts.{verb}", *words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def terminate(self) -> None:
        """Ask it to end, by STOPSIGNAL."""
        self.process.send_signal(signal.Signals[self.image.settings["STOPSIGNAL"].text])


@contextmanager
def started(image: Image, folder: Path, **variables: str) -> Iterator[Container]:
    """Run the image's ENTRYPOINT until the block ends, on free ports and with a key, and give it when it serves.

    Args:
        image: with archives.
        folder: for what it prints.
        variables: as `docker run --env` sets them.
    """
    ports = free_ports()  # the exporter's too, though the image has none: another server's may be at the usual one
    known = image.root.parent / "keys.yaml"
    known.write_text(f"ann: {{hash: '{keys.hashed(KEY.partition('.')[2])}'}}\n")
    known.chmod(0o644)
    named = {variable(name): str(port) for name, port in ports.items()} | {"KEYS": str(known)}
    environment = _environment(image) | named | variables
    log = folder / "output"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            _resolved(image, image.command("ENTRYPOINT")),
            cwd=image.working,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            **_user(image),
        )
    container = Container(image, process, ports, environment, log)
    try:
        # Its own word, too: /healthz is 200 a moment before, and a signal in that moment is one during the start.
        up = processes.wait_until(lambda: process.poll() is not None or _serving(container), START_S)
        assert up and process.poll() is None, log.read_text()
        yield container
    finally:
        if process.poll() is None:
            container.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def run(
    image: Image, words: list[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Return what a command prints, as the image's user."""
    return subprocess.run(
        _resolved(image, words),
        cwd=image.working,
        env=dict(environment or _environment(image)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **_user(image),
    )


def home(image: Image) -> Path:
    """Return a home that can be written, which an engine's user has not: what somebody writes there is to be seen."""
    folder = image.root.parent / "home"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return folder


def _environment(image: Image) -> dict[str, str]:
    return {**image.environment, "HOME": str(home(image)), **loader(image.root)}


def _resolved(image: Image, words: list[str]) -> list[str]:
    assert words[0] == "python", f"{words}: looked for on this process's PATH and not on the image's"
    return [str(image.python), *words[1:]]


def _user(image: Image) -> dict[str, Any]:
    if not WHO_MAY_BECOME_ANOTHER_USER:
        return {}
    return {"user": image.user, "group": image.user, "extra_groups": []}


def _serving(container: Container) -> bool:
    try:
        said = "serving at" in container.log.read_text()
        return said and requests.get(f"{container.url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False
