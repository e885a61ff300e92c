"""Registers a built version with the running server, without giving it traffic."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.serving import registering
from scripts.serving.live import Live


def main(
    version: Annotated[str, typer.Option(help="A version whose archive lies in the model store.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the archive's digest, register it, wait for its workers, warm them, open its own path at the edge."""
    with Live.attach(os.environ) as live:
        if registering.complete(live, version):
            registering.require_same(live, version)
            new, warmed_with = False, 0
            live.catch_up()
        else:
            done = registering.register(live, version)
            new, warmed_with = done.new, done.warmed_with
            with registering.taken_out_at_a_failure(live, version, even_open=False):
                live.catch_up(opening=[version])
        path = f"{live.wanted.url}/predictions/{live.wanted.spec.name}/{version}"
    if as_json:
        print(json.dumps({"version": version, "new": new, "warmed_with": warmed_with, "path": path}))
    elif warmed_with:
        print(f"{version} is registered, its workers are warm ({warmed_with} images): POST {path}")
    else:
        print(f"{version} was registered already: POST {path}")


if __name__ == "__main__":
    cli.run(main)
