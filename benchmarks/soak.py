"""A hundred thousand requests through the edge, good and bad, and whether memory, descriptors or threads grow with it.

Run as `python -m benchmarks.soak`; it takes some minutes. Both versions at 90 % and 10 %, the prediction log and the
exporter on: all as shipped. Every thousand requests each process is looked at; what counts is the slope of a straight
line (least squares) through what was seen after the first fifth.
"""

import base64
import io
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import typer
from PIL import Image

from benchmarks import product
from benchmarks.open_loop import Client
from benchmarks.product import Files
from scripts import cli
from scripts.files import replace_file
from scripts.markdown import table
from scripts.pipeline.data import elpv
from scripts.serving import state
from scripts.serving.places import REPOSITORY

RESULT = REPOSITORY / "benchmarks" / "results" / "soak.md"
STEP, CONNECTIONS, STEP_WITHIN_S = 1000, 16, 120.0
WARM_UP = 0.2
_TELL_EVERY = 10
# Per 10,000 requests: MB, descriptors, threads.
LIMITS = {"MB": 1.0, "descriptors": 1.0, "threads": 1.0}
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


@dataclass
class Seen:
    """What was seen of one process: a row for each look.

    Attributes:
        process: looked at.
        rows: MB, descriptors and threads, in the order of LIMITS.
    """

    process: psutil.Process
    rows: list[tuple[float, float, float]] = field(default_factory=list)

    def look(self) -> None:
        """Look once more."""
        with self.process.oneshot():
            mb = self.process.memory_info().rss / 1e6
            self.rows.append((mb, self.process.num_fds(), self.process.num_threads()))


@dataclass(frozen=True)
class Soak:
    """A run.

    Attributes:
        requests: sent.
        statuses: of the answers; 0: none.
        seen: by process.
    """

    requests: int
    statuses: Counter[int]
    seen: Mapping[str, Seen]

    def slopes(self, name: str) -> dict[str, float]:
        """Return by how much each figure of a process grows in 10,000 requests."""
        rows = np.array(self.seen[name].rows[int(WARM_UP * len(self.seen[name].rows)) :])
        at = STEP * np.arange(len(rows)) / 10_000
        return dict(zip(LIMITS, np.polynomial.polynomial.polyfit(at, rows, 1)[1].tolist(), strict=True))

    def leaks(self) -> list[str]:
        """Return what grows too fast, as `process: figure`."""
        return [
            f"{name}: {figure}"
            for name in self.seen
            for figure, slope in self.slopes(name).items()
            if slope >= LIMITS[figure]
        ]

    def failures(self) -> int:
        """Return how many requests got no answer, or one that says that the server failed."""
        return sum(
            count
            for status, count in self.statuses.items()
            if status == 0 or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )


def measure(requests: int, progress: Callable[[str], None]) -> Soak:
    """Return what so many requests did to a server of their own."""
    bodies = list(_bodies())
    with tempfile.TemporaryDirectory(prefix="sk-") as name:
        folder = Path(name).resolve() / "p"
        with product.running(folder, bodies[0][0], Files.shipped()) as server:
            client = Client(server.through_edge("soak", product.FLOAT32).url, bodies, CONNECTIONS)
            found = Soak(requests, Counter(), {name: Seen(process) for name, process in _processes(folder / "run")})
            for step in range(requests // STEP):
                answers, unanswered = client.run(STEP, math.inf, STEP_WITHIN_S)
                found.statuses.update(answer.status for answer in answers)
                found.statuses[0] += unanswered
                for seen in found.seen.values():
                    seen.look()
                if (step + 1) % _TELL_EVERY == 0:
                    progress(f"{STEP * (step + 1)} requests: " + _line(found))
            return found


def report(found: Soak) -> str:
    """Return the figures as Markdown."""
    begin = int(WARM_UP * found.requests)
    about = (
        f"Written by `python -m benchmarks.soak`: {found.requests} requests over {CONNECTIONS} connections, "
        f"{', '.join(FORMATS)}, multipart and JSON, a fifth of them bad, both versions as shipped. Slopes are per "
        f"10,000 requests, after the first {begin}."
    )
    rows = []
    for name, seen in found.seen.items():
        kept = np.array(seen.rows[int(WARM_UP * len(seen.rows)) :])
        slopes = [
            f"{kept[0][at]:.0f} → {kept[-1][at]:.0f}, {slope:+.2f}"
            for at, slope in enumerate(found.slopes(name).values())
        ]
        rows.append((name, f"{kept[:, 0].max():.0f}", *slopes))
    statuses = ", ".join(
        f"{status or 'no answer'}: {count}" for status, count in sorted(found.statuses.items()) if count
    )
    goals = [
        (
            "each process, slopes < " + ", ".join(f"{limit:g} {name}" for name, limit in LIMITS.items()),
            ", ".join(found.leaks()) or "none above",
        ),
        ("answers with 5xx, and none", str(found.failures())),
    ]
    head = ("process", "largest MB", *LIMITS)
    return "\n\n".join(["# Soak", about, table(("goal", "found"), goals), table(head, rows), f"By status: {statuses}."])


def main(
    requests: Annotated[int, typer.Option(min=10 * STEP)] = 100_000,
    out: Annotated[Path, typer.Option(help="Where the figures are written.")] = RESULT,
) -> None:
    """Measure, print the figures and write them; exit with 1 where something grows or a request failed."""
    found = measure(requests, lambda line: print(line, file=sys.stderr, flush=True))
    text = report(found)
    replace_file(out, text + "\n")
    print(text)
    raise typer.Exit(bool(found.leaks() or found.failures()))


def _bodies() -> Iterator[tuple[bytes, str]]:
    """Give what is sent in turn, with its content type: of each cell every format, envelopes, and two bad ones."""
    for cell in elpv.cells()[::300]:
        picture = Image.open(cell.path).convert("RGB")
        images = []
        for name in FORMATS:
            stream = io.BytesIO()
            picture.save(stream, name)
            images.append(stream.getvalue())
            yield images[-1], f"image/{name.lower()}"
        coded = [{"b64": base64.b64encode(image).decode()} for image in images[:2]]
        yield json.dumps({"instances": coded}).encode(), "application/json"
        part = (
            b'--b\r\ncontent-disposition: form-data; name="data"; filename="x"\r\n\r\n' + images[1] + b"\r\n--b--\r\n"
        )
        yield part, "multipart/form-data; boundary=b"
        yield images[0][: len(images[0]) // 2], "image/png"
        yield b"no image", "image/png"


def _processes(run: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Give every process of a run, named: those of TorchServe by what they are."""
    found = state.load(run)
    assert found is not None
    yield "supervisor", psutil.Process(found.supervisor.pid)
    for name, record in found.servers.items():
        for process in record.members():
            if process.pid == record.pid:
                yield name, process
            elif "model_service_worker.py" in " ".join(process.cmdline()):
                yield f"worker {process.pid}", process


def _line(found: Soak) -> str:
    return ", ".join(f"{name} {seen.rows[-1][0]:.0f} MB" for name, seen in found.seen.items())


if __name__ == "__main__":
    cli.run(main)
