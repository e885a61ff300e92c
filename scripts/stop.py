"""Stops the server of the run directory, and whatever an earlier one left behind."""

import contextlib
import json
import os
import signal
from typing import Annotated

import psutil
import typer

from scripts import cli
from scripts.serving import processes, state
from scripts.serving.places import Places, shown

# The supervisor's own limits add up to 31 s (drain, Envoy, TorchServe); then it is killed, and its servers here.
_PATIENCE_S = 35.0


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Stop; exit 0 also when nothing runs."""
    run = Places.from_environment(os.environ).run
    running = state.running(run)
    if running:
        supervisor = running.supervisor
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(supervisor.pid).send_signal(signal.SIGTERM)
        processes.wait_until(lambda: not supervisor.alive(), _PATIENCE_S)
        if supervisor.alive():
            processes.end(supervisor, 0)
    left = state.clean_up(run)
    done = (
        "stopped"
        if running
        else f"stopped what was left: {', '.join(left)}"
        if left
        else f"nothing runs from {shown(run)}"
    )
    print(json.dumps({"was_running": running is not None, "left_behind": left}) if as_json else done)


if __name__ == "__main__":
    cli.run(main)
