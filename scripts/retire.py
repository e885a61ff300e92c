"""Takes a version that gets no traffic out of the running server, without losing a request."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.serving.live import Live
from scripts.serving.retiring import retire


def main(
    version: Annotated[str, typer.Option(help="A version of weight 0 that is not the shadow.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take a version out of traffic.yaml, close its path, let its last requests end, unregister it."""
    with Live.attach(os.environ) as live:
        was_there = retire(live, version)
    if as_json:
        print(json.dumps({"version": version, "was_there": was_there}))
    else:
        print(f"{version} is retired; its archive stays" if was_there else f"{version} is not registered")


if __name__ == "__main__":
    cli.run(main)
