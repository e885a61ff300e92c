"""Measures how this project's throughput grows with connections, image size, batch and workers; see docs/scaling.md."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import growth
from benchmarks.growth import Curve
from benchmarks.results import RESULTS
from scripts import cli
from scripts.markdown import table
from scripts.serving.places import Places


def main(
    output: Annotated[Path, typer.Option(help="Folder for the tables, the JSON and the figure.")] = RESULTS,
) -> None:
    """Measure, print the tables and write them to a folder."""
    curves = growth.measure(Places.from_environment(os.environ), lambda text: print(text, flush=True))
    output.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(
        ["# Growth\n\nWritten by `python -m benchmarks.growth`; medians of three.", *map(_table, curves)]
    )
    (output / "growth.md").write_text(text + "\n")
    (output / "growth.json").write_text(json.dumps([curve.as_json() for curve in curves], indent=1) + "\n")
    growth.draw(curves, output / "growth.png")
    print(text)


def _table(curve: Curve) -> str:
    rows = [(f"{p.at:g}", p.rate.text(1), p.p95_ms.text(0), p.cpu_ms.text(), str(p.failures)) for p in curve.points]
    return table((curve.axis, "right answers/s", "p95 ms", "server CPU ms", "failures"), rows)


if __name__ == "__main__":
    cli.run(main)
