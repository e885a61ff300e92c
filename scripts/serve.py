"""Serves in the foreground until Ctrl-C: TorchServe, and the edge in front of it."""

import fcntl
import json
import os
import sys
from typing import Annotated, TextIO

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving import announcement, state
from scripts.serving.installation import Installation
from scripts.serving.supervisor import Interrupted, ServerDied, Supervisor


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when ready.")] = False) -> None:
    """Serve until Ctrl-C.

    Exit status: 0 stopped by a signal; 1 it did not come up; 3 TorchServe died; 4 Envoy died; 130 interrupted before
    it was ready.
    """
    wanted = Installation.read(os.environ)
    archives = {version: wanted.verified(version) for version in wanted.traffic.versions}
    lock = _lock(wanted)
    for name in state.clean_up(wanted.places.run):
        print(f"stopped {name}, left behind by an earlier run", flush=True)

    def ready() -> None:
        facts = announcement.facts(wanted, archives)
        print(json.dumps(facts) if as_json else announcement.text(facts), flush=True)

    try:
        Supervisor(wanted).run(ready)
    except Interrupted:
        print("interrupted before it was ready", file=sys.stderr)
        raise typer.Exit(130) from None
    except ServerDied as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_status) from None
    finally:
        lock.close()


def _lock(wanted: Installation) -> TextIO:
    wanted.places.run.mkdir(parents=True, exist_ok=True)
    lock = (wanted.places.run / "lock").open("w")
    try:
        # Held by the open file: it goes with this process, however it ends.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise UserError(f"a server already runs in {wanted.places.run}; `make stop` it, or set RUN_DIR.") from None
    return lock


if __name__ == "__main__":
    cli.run(main)
