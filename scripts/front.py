"""Balances over several hosts in the foreground until Ctrl-C: an edge in front of the edges that traffic.yaml names."""

import json
import os
import sys
from typing import Annotated

import typer

from scripts import cli
from scripts.locks import hold
from scripts.serving import exposure, front, state
from scripts.serving.supervisor import Interrupted, Supervisor


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when ready.")] = False) -> None:
    """Serve until Ctrl-C.

    An Envoy that ends by itself is started again. Exit status: 0 stopped by a signal; 1 it did not come up; 4 Envoy
    ended too often; 130 interrupted before it was ready.
    """
    wanted = front.read(os.environ)
    exposure.require(wanted)
    run = wanted.places.run
    lock = hold(run / "lock", f"a server already runs in {run}; `make stop FRONT=1` ends a front, or set RUN_DIR.")
    for name in state.clean_up(run):
        print(f"stopped {name}, left behind by an earlier run", flush=True)

    def ready() -> None:
        facts = front.facts(wanted)
        print(json.dumps(facts) if as_json else front.announced(facts), flush=True)

    try:
        Supervisor(wanted, edge=front.edge(wanted)).run(front.servers, ready)
    except Interrupted:
        print("interrupted before it was ready", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        lock.close()


if __name__ == "__main__":
    cli.run(main)
