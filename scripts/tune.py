"""Finds the settings with the highest throughput under a latency target on this machine; see docs/benchmark.md."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.spec import DEFAULT_MODEL
from scripts.serving import properties, traffic
from scripts.serving.known_keys import QUEUE
from scripts.serving.places import Places
from scripts.tuning import edit
from scripts.tuning.measure import apply, bench
from scripts.tuning.search import Trial, places, search

LIMIT_S = 290


def main(  # noqa: PLR0913, PLR0917  (Typer's options)
    p95_ms: Annotated[float, typer.Option(min=1, help="The 95th percentile to stay under, at the client.")] = 200,
    version: Annotated[str | None, typer.Option(help="To tune; the one with the greatest weight by default.")] = None,
    images: Annotated[Path | None, typer.Option(help="A folder with images of yours.", exists=True)] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the settings into config.properties.")] = False,
    limit_s: Annotated[float, typer.Option(min=1, help="No trial begins that would end later.")] = LIMIT_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Sweep workers, threads, batch and delay on servers of its own; a running server is not touched."""
    began = time.monotonic()
    if os.environ.get("MODEL", DEFAULT_MODEL) not in ("", DEFAULT_MODEL):
        raise UserError(f"only MODEL={DEFAULT_MODEL} can be tuned yet; leave MODEL out.")
    here = Places.from_environment(os.environ)
    version = version or traffic.read(here.traffic).default
    trials: list[Trial] = []
    if not as_json:
        print(f"tuning {version} for p95 <= {p95_ms:g} ms; leave the machine alone meanwhile\n{HEAD}", flush=True)
    with bench(here, version, p95_ms, images) as place:

        def in_time() -> bool:
            return time.monotonic() - began + place.longest_s < limit_s

        for trial in search(len(os.sched_getaffinity(0)), p95_ms, place.measure, in_time):
            if not as_json:
                print("best:\n" if trial in trials else "", row(trial, p95_ms), sep="", flush=True)
            trials.append(trial)
        complete = in_time()
    best = trials.pop()
    at_once = places(best, p95_ms)
    if write:
        _write(here, version, best, at_once)
    if as_json:
        print(
            json.dumps(
                {
                    "version": version,
                    "best": asdict(best),
                    QUEUE: at_once,
                    "trials": [asdict(trial) for trial in trials],
                }
            )
        )
    else:
        print("" if complete else "time was up: not everything was tried\n", end="")
        print(f"{QUEUE}: {at_once or 'as it is'}, for each version the requests that the edge lets in at once")
        print(f"{'written to' if write else 'WRITE=1 writes it to'} {here.config}")


HEAD = "workers x threads  batch  delay ms  answers/s under the target  connections  p95 ms"


def row(trial: Trial, p95_ms: float) -> str:
    """Return a trial as a line of the table."""
    settings, level = trial.settings, trial.best(p95_ms)
    seen = f"{level.rate:27.1f}  {level.connections:11}  {level.p95_ms:6.0f}" if level else f"{'none':>27}"
    return f"{settings.workers:7} x {settings.threads:<7}  {settings.batch:5}  {settings.delay_ms:8}  {seen}"


def _write(here: Places, version: str, best: Trial, at_once: int | None) -> None:
    text = apply(here.config.read_text(), version, best.settings)
    if at_once:
        text = edit.with_value(text, QUEUE, str(at_once))
    with TemporaryDirectory() as folder:
        # Read as the server would: other versions have to fit the new number of threads.
        candidate = Path(folder) / here.config.name
        candidate.write_text(text)
        properties.read(candidate)
    replace_file(here.config, text)


if __name__ == "__main__":
    cli.run(main)
