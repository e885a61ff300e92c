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
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import psutil
import typer
from PIL import Image

from benchmarks import product
from benchmarks.open_loop_client import Client
from benchmarks.product import Files
from benchmarks.soak_report import FORMATS, STEP, Seen, Soak, markdown
from scripts import cli
from scripts.files import replace_file
from scripts.pipeline.data import elpv
from scripts.serving import state
from scripts.serving.places import REPOSITORY

RESULT = REPOSITORY / "benchmarks" / "results" / "soak.md"
CONNECTIONS, STEP_WITHIN_S = 16, 120.0
_TELL_EVERY = 10


def measure(requests: int, progress: Callable[[str], None]) -> Soak:
    """Return what so many requests did to a server of their own."""
    bodies = list(_bodies())
    with tempfile.TemporaryDirectory(prefix="sk-") as name:
        folder = Path(name).resolve() / "p"
        with (
            product.running(folder, bodies[0][0], Files.shipped()) as server,
            closing(Client(server.through_edge("soak", product.FLOAT32).url, bodies, CONNECTIONS)) as client,
        ):
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


def main(
    requests: Annotated[int, typer.Option(min=10 * STEP)] = 100_000,
    out: Annotated[Path, typer.Option(help="Where the figures are written.")] = RESULT,
) -> None:
    """Measure, print the figures and write them; exit with 1 where something grows or a request failed."""
    found = measure(requests, lambda line: print(line, file=sys.stderr, flush=True))
    text = markdown(found, CONNECTIONS)
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
