"""The Python client beside wrk, and its memory over many images.

Run as `python -m benchmarks.python_client` (four minutes; needs wrk). One worker of 2.0 and the edge, both on this
machine with the clients. The memory is measured against a server that answers at once.
"""

import asyncio
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks import client as wrk
from benchmarks import product, workload
from benchmarks.product import Files
from mobilenet_v3_client import Client
from scripts import cli
from scripts.errors import UserError
from scripts.markdown import table
from scripts.pipeline.data import elpv
from scripts.serving.places import REPOSITORY

RESULT = REPOSITORY / "benchmarks" / "results" / "python_client.md"
CELLS, AT_ONCE, WRK_S = 1000, (1, 8, 16), 10
IMAGES, IMAGE_BYTES = 100_000, 10_000
_ANSWER = json.dumps(
    {
        "model": "none",
        "version": "1.0",
        "request_id": "0",
        "predictions": [{"label": "none", "index": 0, "probability": 1.0}],
    }
).encode()


@dataclass(frozen=True)
class Folder:
    """One run over the folder.

    Attributes:
        per_s: answers a second.
        cpu_ms: of this process, for an answer.
    """

    per_s: float
    cpu_ms: float


def main() -> None:
    """Measure, print the report, and keep it."""
    wrk.require()
    with tempfile.TemporaryDirectory(prefix="pc-") as name:
        folder = Path(name)
        rows = _beside_wrk(folder)
    marks = _memory()
    report = _report(rows, marks)
    RESULT.write_text(report)
    print(report)


def _beside_wrk(folder: Path) -> list[list[str]]:
    cells = folder / "cells"
    cells.mkdir()
    for cell in islice(elpv.cells(), CELLS):
        shutil.copy(cell.path, cells)
    rows = []
    files = Files(Files.shipped().config, product.only(product.INT8))
    with product.running(folder / "p", next(cells.iterdir()).read_bytes(), files) as running:
        archive = Path(running.environment["MODEL_STORE"]) / f"{product.MODEL}-{product.INT8}.mar"
        unpacked = workload.unpack(archive, folder / "unpacked")
        load = workload.prepare("cell", (unpacked,), folder / "load")
        url = running.through_edge("edge", product.INT8).url
        wrk.load(url, load, max(AT_ONCE), WRK_S)  # Java goes on compiling through its first thousands of requests.
        for at_once in AT_ONCE:
            peer = wrk.load(url, load, at_once, WRK_S)
            own = _folder(url.split("/predictions")[0], cells, at_once)
            shares = f"{own.per_s / peer.rate:.2f}"
            rows.append([str(at_once), f"{peer.rate:.0f}", f"{own.per_s:.0f}", shares, f"{own.cpu_ms:.2f}"])
    return rows


def _folder(url: str, cells: Path, at_once: int) -> Folder:
    process = psutil.Process()
    with Client(url) as client:
        before, began = process.cpu_times(), time.monotonic()
        failed = [outcome for outcome in client.predict_folder(cells, concurrency=at_once) if outcome.error]
        took_s, after = time.monotonic() - began, process.cpu_times()
    if failed:
        raise UserError(f"{len(failed)} of {CELLS} cells were not answered: {failed[0].error}.")
    cpu_s = after.user + after.system - before.user - before.system
    return Folder(CELLS / took_s, cpu_s / CELLS * 1000)


def _memory() -> list[list[str]]:
    """Return the resident memory of a client's process as the images of an iterator go through it."""
    with _answering() as url:
        numbers = [str(number) for number in (IMAGES, IMAGE_BYTES, max(AT_ONCE))]
        command = [sys.executable, "-m", "benchmarks.python_client_memory", url, *numbers]
        done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    marks = [line.split() for line in done.stdout.splitlines()]
    return [[f"{int(images):,}", f"{int(size) / 1e6:.1f}"] for images, size in marks]


@contextmanager
def _answering() -> Iterator[str]:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        server.terminate()
        server.join()


def _serve(there: Connection) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(_ANSWER), _ANSWER))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        there.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def _report(rows: list[list[str]], marks: list[list[str]]) -> str:
    head = ["at once", "wrk, answers/s", "client, answers/s", "client / wrk", "client, CPU ms an answer"]
    return f"""# The Python client

Written by `python -m benchmarks.python_client` on {psutil.cpu_count()} cores, client included: `predict_folder` over
{CELLS:,} cells beside {WRK_S} s of wrk with as many connections, through the edge to one worker of 2.0.

{table(head, rows)}

Resident memory of a process that has nothing but the client in it, while {IMAGES:,} images of {IMAGE_BYTES // 1000} kB
from an iterator go through `predict_many(concurrency={max(AT_ONCE)})` to a server that answers at once:

{table(["images", "MB"], marks)}
"""


if __name__ == "__main__":
    cli.run(main)
