"""Brings the running server to the edited config.properties and traffic.yaml."""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

from scripts import cli
from scripts.serving import changes, front
from scripts.serving.live import Live
from scripts.serving.running import serving


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Apply weights, shadow, workers and batching, or to a front its replicas; name what needs a restart."""
    running = serving(os.environ)
    if running.is_front:
        outcome, restart = front.apply(os.environ, running), "make stop start FRONT=1"
    else:
        with Live.attach(os.environ) as live:
            outcome = changes.apply(live, changes.load_static(live.wanted))
            restart = live.wanted.restart
    if as_json:
        print(json.dumps(asdict(outcome)))
        return
    for sentence in outcome.done:
        print(sentence)
    for sentence in outcome.needs_restart:
        print(f"needs a restart (`{restart}`): {sentence}")


if __name__ == "__main__":
    cli.run(main)
