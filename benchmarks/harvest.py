"""What keeping images costs: the handler in this process, with a harvest and without, turn by turn."""

import io
import itertools
import json
import os
import statistics
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer
from PIL import Image

from benchmarks import product, workload
from benchmarks.prediction_log import medians, timed
from handler.harvest import Harvest
from handler.request import Request
from handler.responses import rank
from handler.service import Service
from handler.settings import Settings
from scripts import cli
from scripts.serving.places import Places

_BATCH = 10
_COMMENT = b"\xff\xfe"
_QUALITY = 75


def main(
    batches: Annotated[int, typer.Option(min=1, help="Pairs of one with and one without.")] = 300,
    keep: Annotated[int, typer.Option(min=0, max=_BATCH - 1, help="Images kept of each ten.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print milliseconds an image of this process's CPU, the harvest's thread included, and of the answer's way."""
    torch.set_num_threads(1)
    archive = Places.from_environment(os.environ).archive(product.MODEL, product.INT8)
    images = [_jpeg(image) for image in islice(_views(), _BATCH)]
    with TemporaryDirectory() as name:
        alone = Service.load(workload.unpack(archive, Path(name) / "archive"), Settings())
        margin = _margin(alone, images, keep)
        settings = Settings(
            harvest="on", harvest_folder=f"{name}/harvest", harvest_margin=margin, harvest_files=100_000
        )
        harvest = Harvest(Service(alone.metadata, alone.engine, settings))
        times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
        for number in range(2 * batches):
            # Which of a pair comes first changes, so that neither always follows the other's writing.
            harvesting = number % 4 in (0, 3)
            requests = [Request({"body": _own(image, number)}, {}, str(number)) for image in images]
            times[harvesting].append(
                timed(alone, harvest.add if harvesting else None, requests, lambda: harvest.waiting_bytes == 0)
            )
        harvest.close()
        kept = len(list(Path(name).rglob("*.jpg")))
    size = statistics.mean(map(len, images))
    cpu, way = (medians(times, kind, _BATCH) for kind in (0, 1))
    if as_json:
        print(json.dumps({"cpu_ms": cpu, "answer_ms": way, "kept": kept, "image_bytes": size}))
        return
    print(f"JPEGs of {size / 1000:.0f} KB; {kept} of {batches * _BATCH} were kept")
    for what, (off, added) in (("CPU", cpu), ("until the answer", way)):
        print(f"{what:17} {off:.3f} ms an image without a harvest, {added * 1000:+.0f} microseconds with it")


def _views() -> Iterator[Image.Image]:
    """Give views of real pictures, each another."""
    for number in itertools.count():
        for picture in workload.photographs():
            yield picture.crop((9 * number, 3 * number, 500 + 9 * number, 375 + 3 * number))


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _margin(service: Service, images: list[bytes], keep: int) -> float:
    """Return the margin below which `keep` of the images are."""
    _, report = service.reply_all([Request({"body": image}, {}) for image in images])
    best = [rank(rows[0], service.metadata.labels, 2) for _, _, rows in report.outcomes]
    margins = sorted(first["probability"] - second["probability"] for first, second in best)
    return float(statistics.mean(margins[keep - 1 : keep + 1])) if keep else float(margins[0]) / 2


def _own(image: bytes, number: int) -> bytes:
    """Return a JPEG with a comment: the same pixels, and another digest than every other one's."""
    said = str(number).encode()
    return image[:2] + _COMMENT + (len(said) + 2).to_bytes(2) + said + image[2:]


if __name__ == "__main__":
    cli.run(main)
