"""Changes a version's number of workers, in config.properties and in the running server."""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

from scripts import cli
from scripts.serving import changes
from scripts.serving.live import Live


def main(
    version: Annotated[str, typer.Option(help="A registered version.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes; times handler.threads at most the cores.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Scale a version and wait until all its workers are ready."""
    with Live.attach(os.environ) as live:
        outcome = changes.scale(live, version, workers)
    print(json.dumps(asdict(outcome)) if as_json else "\n".join(outcome.done))


if __name__ == "__main__":
    cli.run(main)
