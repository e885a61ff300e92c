"""Measures the project beside its peers in one run; see docs/benchmark.md."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import report
from benchmarks.bench import measure
from benchmarks.results import RESULTS
from benchmarks.rounds import FULL, QUICK
from scripts import cli
from scripts.serving.places import Places


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Two short rounds: shows that it runs, decides nothing.")
    ] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="More or fewer than the usual five.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the files; benchmarks/results, or run/bench with --quick.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON instead of the tables.")] = False,
) -> None:
    """Measure, print the tables with the goals beside the figures, and write them to a folder."""
    silent = (lambda _: None) if as_json else (lambda text: print(text, flush=True))
    plan = QUICK if quick else FULL
    results = measure(replace(plan, rounds=rounds or plan.rounds), silent)
    # What decides nothing takes no other run's place.
    files = report.write(results, output or (Places.from_environment(os.environ).run / "bench" if quick else RESULTS))
    print(json.dumps(results.as_json()) if as_json else report.markdown(results))
    if not as_json:
        print(*files, sep="\n")


if __name__ == "__main__":
    cli.run(main)
