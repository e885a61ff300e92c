"""A run in the foreground: the only one of its folder, until a signal."""

import sys
from collections.abc import Callable

import typer

from scripts.locks import hold
from scripts.serving import state
from scripts.serving.supervisor import Interrupted, Supervisor


def serve(supervisor: Supervisor, start: Callable[[Supervisor], None], on_ready: Callable[[], None], end: str) -> None:
    """Serve until a signal comes; what an earlier run left behind is ended first.

    Args:
        supervisor: of what is to run.
        start: as `Supervisor.run` takes it.
        on_ready: the same.
        end: how one ends a run that is there already, for a sentence.

    Raises:
        UserError: another one runs in its folder, something did not come up, or a server ended too often.
        typer.Exit: 130, it was interrupted before it was ready.
    """
    run = supervisor.wanted.places.run
    with hold(run / "lock", f"a server already runs in {run}; {end}, or set RUN_DIR."):
        for name in state.clean_up(run):
            print(f"stopped {name}, left behind by an earlier run", flush=True)
        try:
            supervisor.run(start, on_ready)
        except Interrupted:
            print("interrupted before it was ready", file=sys.stderr)
            raise typer.Exit(130) from None
