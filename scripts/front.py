"""Balances over several hosts in the foreground until Ctrl-C: an edge in front of the edges that traffic.yaml names."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.serving import exposure, foreground, front
from scripts.serving.supervisor import Supervisor


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when ready.")] = False) -> None:
    """Serve until Ctrl-C.

    An Envoy that ends by itself is started again. Exit status: 0 stopped by a signal; 1 it did not come up; 4 Envoy
    ended too often; 130 interrupted before it was ready.
    """
    wanted = front.read(os.environ)
    exposure.require(wanted)

    def ready() -> None:
        facts = front.facts(wanted)
        print(json.dumps(facts) if as_json else front.announced(facts), flush=True)

    supervisor = Supervisor(wanted, edge=front.edge(wanted))
    foreground.serve(supervisor, front.servers, ready, end="`make stop FRONT=1` ends a front")


if __name__ == "__main__":
    cli.run(main)
