"""Thousands of hostile images, bodies and connections mixed into real traffic, and what they cost.

Run as `python -m benchmarks.hostile`. Both versions answer; so many callers send solar cells without a pause, others
everything of hostile_images, hostile_bodies and hostile_wire in an order that is shuffled in each round, with images of
as many megapixels as are allowed among them, uploads that are cut off and connections that do nothing.
"""

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import psutil
import requests
import typer
from PIL import Image

from benchmarks import hostile_bodies, hostile_images, hostile_report, hostile_wire, product, usage
from benchmarks.hostile_images import ANSWERED, file, picture
from benchmarks.product import Files, Product
from scripts import cli
from scripts.pipeline.data import elpv
from scripts.serving.places import REPOSITORY

RESULT = REPOSITORY / "benchmarks" / "results" / "hostile.md"
NEIGHBOURS, ATTACKERS, IDLE = 4, 6, 500
WARM_UP_REQUESTS = 1500
# Each takes its whole allowance of CPU: one in so many rounds.
_SLOW, _SLOW_EVERY = "decoding_too_slow", 8
_SETTLED_AFTER_S = 5.0
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Outcome:
    """One hostile request: what it was, what it was to get, what it got, and after how long."""

    name: str
    expected: str
    got: str
    status: int
    ms: float


@dataclass(frozen=True)
class Memory:
    """A worker's resident memory, MB."""

    worker: str
    before: float
    peak: float
    after: float


@dataclass(frozen=True)
class Storm:
    """What came of it.

    Attributes:
        outcomes: of hostile requests.
        neighbours: statuses of ordinary ones.
        slowest_neighbour_ms: of those.
        memory: of each worker.
        restarts: workers that are not those from before.
    """

    outcomes: Sequence[Outcome]
    neighbours: Sequence[int]
    slowest_neighbour_ms: float
    memory: Sequence[Memory]
    restarts: int


def storm(server: Product, cells: Sequence[bytes], rounds: int, progress: Callable[[str], None]) -> Storm:
    """Return what came of so many rounds."""
    url = server.through_edge("users", product.FLOAT32).url
    _warm_up(url, cells)
    workers = next(part for part in server.torchserve if part.name == "workers").processes
    before = [_resident(worker, "VmRSS") for worker in workers]
    for worker in workers:
        Path(f"/proc/{worker.pid}/clear_refs").write_text("5")
    outcomes: list[Outcome] = []
    is_over = threading.Event()
    with ThreadPoolExecutor(NEIGHBOURS) as callers, ThreadPoolExecutor(ATTACKERS) as attackers, ExitStack() as stack:
        asked = [callers.submit(_neighbour, url, cells, is_over) for _ in range(NEIGHBOURS)]
        stack.enter_context(hostile_wire.idle(server.ports.edge, IDLE))
        try:
            for number in range(rounds):
                tasks = list(_tasks(server.ports.edge, url, with_slow=number % _SLOW_EVERY == 0))
                random.Random(number).shuffle(tasks)
                outcomes += (done for done in attackers.map(lambda task: task(), tasks) if done)
                progress(f"round {number + 1} of {rounds}: {len(outcomes)} hostile requests")
        finally:
            is_over.set()
    answers = [answer for caller in asked for answer in caller.result()]
    time.sleep(_SETTLED_AFTER_S)
    alive = [worker for worker in workers if worker.is_running()]
    memory = [
        Memory(str(worker.pid), rest, _resident(worker, "VmHWM"), _resident(worker, "VmRSS"))
        for worker, rest in zip(workers, before, strict=True)
        if worker in alive
    ]
    slowest = max(ms for _, ms in answers)
    return Storm(outcomes, [status for status, _ in answers], slowest, memory, len(workers) - len(alive))


def largest() -> Iterator[tuple[str, bytes]]:
    """Give images of as many megapixels as are allowed, of the formats and modes that need most memory."""
    wide, narrow = (5000, 4990), (1000, 12_400)
    yield "PNG of 25 megapixels with transparency", _flat_png("RGBA", wide)
    yield "PNG of 25 megapixels with a palette", file(_tiled("P", wide), "PNG", compress_level=1, transparency=3)
    yield "TIFF of 25 megapixels", file(_tiled("RGB", wide), "TIFF", compression="tiff_adobe_deflate")
    yield "GIF of 25 megapixels", file(_tiled("L", wide).convert("1").convert("P"), "GIF")
    yield "progressive JPEG of 25 megapixels", file(_tiled("RGB", (1000, 24_900)), "JPEG", progressive=True, quality=50)
    webp = _tiled("RGBA", (3500, 3540))
    yield "WebP of 12.4 megapixels with transparency", file(webp, "WEBP", method=0, quality=0, lossless=True)
    yield "progressive CMYK JPEG of 12.4 megapixels", file(_tiled("CMYK", narrow), "JPEG", progressive=True, quality=50)


def _tiled(mode: str, size: tuple[int, int]) -> Image.Image:
    """Return few pixels made many: it has to stay within the cap on bodies."""
    return picture(size[0] // 10, size[1] // 10).resize(size, Image.Resampling.NEAREST).convert(mode)


def _flat_png(mode: str, size: tuple[int, int]) -> bytes:
    return file(_tiled(mode, size), "PNG", compress_level=1)


_LARGEST: list[tuple[str, bytes]] = []


def _tasks(port: int, url: str, *, with_slow: bool) -> Iterator[Callable[[], Outcome | None]]:
    for image in hostile_images.all_of():
        if with_slow or image.code != _SLOW:
            yield lambda image=image: _post(url, image.name, image.code, image.make(), {})
    for body in hostile_bodies.all_of():
        headers = {"content-type": body.content_type, **body.headers}
        yield lambda body=body, headers=headers: _post(url, body.name, body.code, body.content, headers)
    for name, content in _LARGEST:
        yield lambda name=name, content=content: _post(url, name, ANSWERED, content, {})
    path, ordinary = "/" + url.split("/", 3)[3], hostile_bodies.image()
    for name, request in hostile_wire.requests(path, ordinary).items():
        if with_slow or name not in hostile_wire.WAITING:
            yield lambda name=name, request=request: _wire(port, name, request)
    for share in (0.1, 0.5, 0.9):
        yield lambda share=share: hostile_wire.aborted(port, path, ordinary * 50, share)


def _post(url: str, name: str, expected: str, content: bytes, headers: dict[str, str]) -> Outcome:
    sent = {key: value.encode("latin-1") for key, value in ({"content-type": "image/png"} | headers).items()}
    began = time.monotonic()
    answer = requests.post(url, data=content, headers=sent, timeout=120)
    ms = 1e3 * (time.monotonic() - began)
    error = answer.json().get("error", {"code": ANSWERED, "message": "-"})
    return Outcome(name, expected, error["code"] if error["message"] else "no reason", answer.status_code, ms)


def _wire(port: int, name: str, request: bytes) -> Outcome:
    began = time.monotonic()
    statuses = hostile_wire.answer(port, request)
    ms = 1e3 * (time.monotonic() - began)
    wanted = "at most one answer"
    got = wanted if len(statuses) <= 1 else f"{len(statuses)} answers"
    return Outcome(f"on the wire: {name}", wanted, got, statuses[0] if statuses else 0, ms)


def _neighbour(url: str, cells: Sequence[bytes], is_over: threading.Event) -> list[tuple[int, float]]:
    answers = []
    while not is_over.is_set():
        began = time.monotonic()
        cell = cells[len(answers) % len(cells)]
        answer = requests.post(url, data=cell, headers={"content-type": "image/png"}, timeout=120)
        answers.append((answer.status_code, 1e3 * (time.monotonic() - began)))
    return answers


def _warm_up(url: str, cells: Sequence[bytes]) -> None:
    """Ask until the heaps have their usual size; what they grow by after that is the storm's."""
    with ThreadPoolExecutor(NEIGHBOURS + ATTACKERS) as pool:
        for _ in pool.map(
            lambda number: _post(url, "", ANSWERED, cells[number % len(cells)], {}), range(WARM_UP_REQUESTS)
        ):
            pass


def _resident(worker: psutil.Process, key: str) -> float:
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / _MEGABYTE for line in lines if line.startswith(key))


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Of some 250 hostile requests each.")] = 24,
    out: Annotated[Path, typer.Option(help="Where the figures are written.")] = RESULT,
) -> None:
    """Measure, print the report and write it."""
    _LARGEST.extend(largest())
    cells = [cell.path.read_bytes() for cell in islice(elpv.cells(), 0, None, 90)]
    shipped = Files.shipped()
    with tempfile.TemporaryDirectory(prefix="hos-") as name:
        split = f'split: {{"{product.FLOAT32}": 50, "{product.INT8}": 50}}\n'
        with product.running(Path(name).resolve() / "p", cells[0], Files(shipped.config, split)) as server:
            usage.settle(server.torchserve)
            found = storm(server, cells, rounds, lambda line: print(line, file=sys.stderr))
    text = hostile_report.report(found)
    out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    cli.run(main)
