"""Serves in the foreground until Ctrl-C: TorchServe, and the edge in front of it."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.serving import announcement, exposure, foreground, starting
from scripts.serving.installation import Installation
from scripts.serving.supervisor import Supervisor


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when ready.")] = False) -> None:
    """Serve until Ctrl-C.

    A server that ends by itself is started again. Exit status: 0 stopped by a signal; 1 it did not come up; 3
    TorchServe ended too often; 4 Envoy did; 130 interrupted before it was ready.
    """
    wanted = Installation.read(os.environ)
    exposure.require(wanted)
    archives = {version: wanted.verified(version) for version in wanted.traffic.versions}

    def ready() -> None:
        facts = announcement.facts(wanted, archives)
        print(json.dumps(facts) if as_json else announcement.text(facts), flush=True)

    foreground.serve(Supervisor(wanted), starting.servers, ready, end="`make stop` it")


if __name__ == "__main__":
    cli.run(main)
