"""Walks a version to all of the traffic, step by step, and rolls it back at the first sign of harm: `make canary`.

Exit status: 0 promoted; 1 it can't begin, or somebody changed the split meanwhile; 3 rolled back; 129, 130 or
143 interrupted, and rolled back. `--json` prints what RUN_DIR/canary.json holds at the end.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli
from scripts.canarying.beginning import Asked, begin
from scripts.canarying.plan import parse_steps
from scripts.canarying.walk import Walk
from scripts.locks import hold
from scripts.serving.places import Places

ROLLED_BACK = 3


def main(  # noqa: PLR0913, PLR0917
    version: Annotated[str, typer.Option(help="A registered version without weight.")],
    steps: Annotated[str, typer.Option(help="Percent of the traffic, rising.")] = "5,25,50,100",
    labels: Annotated[Path | None, typer.Option(help="labels.csv, read at every look; see docs/report.md.")] = None,
    shadow: Annotated[int, typer.Option(min=0, max=100, help="Percent copied before the first step; 0: none.")] = 20,
    requests: Annotated[int, typer.Option(min=50, help="That the version answers in each step, at least.")] = 300,
    hold_s: Annotated[float, typer.Option("--hold", min=0, help="Seconds of each step, at least.")] = 30,
    tolerated_disagreement: Annotated[
        float, typer.Option(min=0, max=100, help="Percent of images answered otherwise than by the baseline.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Give a version more and more of the traffic, as long as no guardrail is crossed."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # A terminal that closes is an interrupt, too.
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    asked = Asked(version, parse_steps(steps), shadow, requests, hold_s, tolerated_disagreement / 100, labels)
    run = Places.from_environment(os.environ).run

    def tell(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr if as_json else sys.stdout, flush=True)

    with hold(run / "canary.lock", f"a canary already walks in {run}; wait for it, or end it by Ctrl-C there."):
        ended = Walk(os.environ, labels, tell).to_the_end(begin(os.environ, asked))
    if as_json:
        print(json.dumps(ended.as_json()))
    elif ended.state == "promoted":
        print(f"{version} gets everything; `make rollback` undoes it")
    if ended.state == "rolled back":
        print(f"rolled back: {ended.reason}", file=sys.stderr)
        raise typer.Exit(ROLLED_BACK)


if __name__ == "__main__":
    cli.run(main)
