"""What the prediction log costs an image: the handler in this process, with a log and without, turn by turn."""

import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer

from benchmarks import product, workload
from handler.prediction_log import PredictionLog
from handler.predictions import USER
from handler.request import Request
from handler.service import BatchReport, Service
from handler.settings import Settings
from scripts import cli
from scripts.pipeline.data import elpv
from scripts.serving.places import Places


def main(
    batches: Annotated[int, typer.Option(min=1, help="Pairs of one with and one without.")] = 400,
    batch: Annotated[int, typer.Option(min=1, help="Images in each.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print milliseconds an image of this process's CPU, the log's thread included, and of the answer's way."""
    torch.set_num_threads(1)
    images = [cell.path.read_bytes() for cell in islice(elpv.cells(), batch)]
    archive = Places.from_environment(os.environ).archive(product.MODEL, product.INT8)
    with TemporaryDirectory() as name:
        folder = workload.unpack(archive, Path(name) / "archive")
        settings = Settings(prediction_log="on", prediction_log_folder=f"{name}/predictions")
        service = Service.load(folder, settings)
        log = PredictionLog(service)
        times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
        for number in range(2 * batches):
            # Which of a pair comes first changes, so that neither always follows the other's writing.
            logged = number % 4 in (0, 3)
            requests = [
                Request({"body": image}, {USER: f"user-{number}"}, f"{number}-{n}") for n, image in enumerate(images)
            ]
            times[logged].append(timed(service, log.add if logged else None, requests))
        log.close()
    cpu, way = (medians(times, kind, batch) for kind in (0, 1))
    if as_json:
        print(json.dumps({"cpu_ms": cpu, "answer_ms": way}))
        return
    for name, (off, added) in (("CPU", cpu), ("until the answer", way)):
        print(f"{name:17} {off:.3f} ms an image without a log, {added * 1000:+.0f} microseconds with it")


def timed(
    service: Service,
    take: Callable[[BatchReport], None] | None,
    requests: list[Request],
    has_ended: Callable[[], bool] = lambda: True,
) -> tuple[float, float]:
    """Return the CPU seconds of the process for a batch, and the seconds to its answer.

    Args:
        service: answers it.
        take: gets its report before the answer is given, and leaves work to a thread.
        requests: the batch.
        has_ended: whether that work is done, which counts; it is waited for, at least for two milliseconds.
    """
    cpu, began = time.process_time(), time.perf_counter()
    _, report = service.reply_all(requests)
    if take:
        take(report)
    took = time.perf_counter() - began
    time.sleep(0.002)  # As a worker waits for its next batch.
    while not has_ended():
        time.sleep(0.02)  # Rarely: to look takes CPU as well.
    return time.process_time() - cpu, took


def medians(times: dict[bool, list[tuple[float, float]]], kind: int, batch: int) -> tuple[float, float]:
    """Return ms an image without a log, and the median of what a pair's other one took more."""
    off, on = ([pair[kind] * 1000 / batch for pair in times[logged]] for logged in (False, True))
    return statistics.median(off), statistics.median(b - a for a, b in zip(off, on, strict=True))


if __name__ == "__main__":
    cli.run(main)
