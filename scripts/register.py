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
    """Check the archive's digest, register it, wait for its workers, open its own path at the edge."""
    with Live.attach(os.environ) as live:
        new = version not in live.descriptions()
        if registering.complete(live, version):
            registering.require_same(live, version)
        else:
            registering.register(live, version)
        live.catch_up(opening=[version])
        path = f"{live.wanted.url}/predictions/{live.wanted.spec.name}/{version}"
    if as_json:
        print(json.dumps({"version": version, "new": new, "path": path}))
    else:
        print(f"{version} {'is registered and ready' if new else 'was registered already'}: POST {path}")


if __name__ == "__main__":
    cli.run(main)
