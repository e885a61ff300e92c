"""What is done to one host: each fault is a function that returns when nothing more is done to it."""

import contextlib
import io
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import psutil
import requests
from PIL import Image

from benchmarks.chaos.host import Host, wait
from benchmarks.product import FLOAT32, INT8, MODEL
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving.places import REPOSITORY

_SEED = 7


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: in the table.
        strike: does it.
        within_s: in which the callers must be answered at once again, from the beginning on; None: no bound is set, as
            where the fault itself lasts.
    """

    name: str
    strike: Callable[[Host], None]
    within_s: float | None = 10.0


def worker_killed(host: Host) -> None:
    """Kill the worker that most requests go to."""
    host.kill_worker(FLOAT32)


def torchserve_killed(host: Host) -> None:
    """Kill the front end; its workers go with it."""
    host.kill("torchserve")


def envoy_killed(host: Host) -> None:
    """Kill the edge."""
    host.kill("envoy")


def exporter_killed(host: Host) -> None:
    """Kill what serves the release's metrics."""
    wait("the exporter", lambda: _there(host, "exporter"))
    host.kill("exporter")


def crash_loop(host: Host) -> None:
    """Kill the worker of 2.0 until it is out of the split, and bring it back."""
    while host.split().get(INT8):
        host.kill_worker(INT8)
        time.sleep(1)
    wait(f"a worker of {INT8}", lambda: host.worker(INT8) is not None)
    host.ask("apply")


def out_of_memory(host: Host) -> None:
    """Leave a worker no memory for a large image, send it some, and give it back what it had."""
    wait(f"a worker of {FLOAT32}", lambda: host.worker(FLOAT32) is not None)
    worker = psutil.Process(host.worker(FLOAT32))
    limits = worker.rlimit(psutil.RLIMIT_AS)
    worker.rlimit(psutil.RLIMIT_AS, (worker.memory_info().vms + 16_000_000, limits[1]))
    url, large = f"{host.url}/predictions/{MODEL}/{FLOAT32}", _large()
    answers = [requests.post(url, data=large, headers=_PNG, timeout=60).status_code for _ in range(5)]
    if not any(status == HTTPStatus.SERVICE_UNAVAILABLE for status in answers):
        raise UserError(f"no large image found the worker without memory: {answers}.")
    with contextlib.suppress(psutil.NoSuchProcess):
        worker.rlimit(psutil.RLIMIT_AS, limits)


def broken_routes(host: Host) -> None:
    """Break the edge's route file by hand, and mend it after three seconds."""
    with _broken(host.run / "edge" / "routes.yaml"):
        time.sleep(3)


def broken_traffic(host: Host) -> None:
    """Apply a traffic.yaml with a mistake."""
    with _broken(host.file("TRAFFIC")):
        if host.verb("apply").returncode == 0:
            raise UserError("`apply` took a traffic.yaml with a mistake.")


def killed_verb(host: Host) -> None:
    """Kill a change of the split at some moment of its way, ten times; the last one may end."""
    chance = random.Random(_SEED)
    argv = [sys.executable, "-m", "scripts.split", f"{FLOAT32}=50", f"{INT8}=50"]
    for _ in range(10):
        verb = subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env=dict(host.product.environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.1, 0.8))
        verb.kill()
        verb.wait()
    host.ask("split", f"{FLOAT32}=90", f"{INT8}=10")


def changed_archive(host: Host) -> None:
    """Change a byte of an archive, kill TorchServe, and put the archive back when the version is out of the split."""
    archive = host.archive(INT8)
    content = archive.read_bytes()
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    archive.write_bytes(changed)
    try:
        host.kill("torchserve")
        wait(f"{INT8} to be out of the split", lambda: not host.split().get(INT8))
    finally:
        archive.write_bytes(content)
    wait(f"a worker of {FLOAT32}", lambda: host.worker(FLOAT32) is not None)
    host.ask("apply")


def taken_port(host: Host) -> None:
    """Kill TorchServe and hold its port for five seconds."""
    before = host.server("torchserve")
    os.kill(before, signal.SIGKILL)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait("the port", lambda: _bound(holder, host.product.ports.inference))
        holder.listen()
        time.sleep(5)
    wait("TorchServe", host.healthy)


def broken_off_uploads(host: Host) -> None:
    """Open 200 uploads, send half of each, and close them."""
    head = f"POST /predictions/{MODEL} HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 20000\r\n\r\n"
    half = [socket.create_connection((host.address, host.product.ports.edge)) for _ in range(200)]
    for connection in half:
        connection.sendall(head.encode() + bytes(10_000))
    time.sleep(1)
    for connection in half:
        connection.close()


def full_disk(host: Host) -> None:
    """Fill the disk that the run folder is on, for five seconds."""
    filler = host.run / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))
    try:
        time.sleep(5)
    finally:
        filler.unlink()


ON_ONE_HOST = (
    Fault("a worker is killed", worker_killed),
    Fault("TorchServe is killed", torchserve_killed),
    Fault("Envoy is killed", envoy_killed),
    Fault("the exporter is killed", exporter_killed),
    Fault("a version's workers are killed again and again", crash_loop, None),
    Fault("a worker has no memory left", out_of_memory, None),
    Fault("the edge's route file is broken", broken_routes),
    Fault("traffic.yaml is broken, and applied", broken_traffic),
    Fault("a change of the split is killed, ten times", killed_verb),
    Fault("TorchServe is killed, and an archive was changed", changed_archive, None),
    Fault("TorchServe is killed, and its port taken for 5 s", taken_port, None),
    Fault("200 uploads are broken off", broken_off_uploads),
)

_PNG = {"content-type": "image/png"}


def _large() -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", (4000, 4000)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


@contextmanager
def _broken(path: Path) -> Iterator[None]:
    before = path.read_text()
    # By rename, as an editor does it: that is what Envoy looks at.
    replace_file(path, before[: len(before) // 2] + "\n{ no end")
    try:
        yield
    finally:
        replace_file(path, before)


def _there(host: Host, name: str) -> bool:
    try:
        return psutil.pid_exists(host.server(name))
    except UserError:
        return False


def _bound(holder: socket.socket, port: int) -> bool:
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
