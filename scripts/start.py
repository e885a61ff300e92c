"""Starts a server in the background and returns when it is ready."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving import processes, state
from scripts.serving.front import RUN_DIR
from scripts.serving.places import REPOSITORY, Places
from scripts.serving.running import require_same_model


def main(
    front: Annotated[bool, typer.Option("--front", help="A front over the hosts that traffic.yaml names.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Start in the background; when it does not come up, exit as `serve` would, with its reason."""
    environment = {"RUN_DIR": RUN_DIR, **os.environ} if front else dict(os.environ)
    run = Places.from_environment(environment).run
    running = state.running(run)
    if running and running.phase != "serving":
        raise UserError(f"a server is {running.phase} in {run}; try again when it is done.")
    if running:
        require_same_model(running, os.environ)
        print(json.dumps({"url": running.url, "already_running": True}) if as_json else f"already runs: {running.url}")
        return
    run.mkdir(parents=True, exist_ok=True)
    log = run / "supervisor.log"
    with log.open("w+") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "scripts.front" if front else "scripts.serve", *(["--json"] if as_json else [])],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while server.poll() is None and not _serving(run, server.pid):
                processes.wait_until(lambda: server.poll() is not None or _serving(run, server.pid), 1)
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            raise
    said = log.read_text().strip() or f"error: it ended and could not say why in {log}; is there room on that disk?"
    print(said, file=sys.stderr if server.poll() else sys.stdout)
    if server.poll():
        raise typer.Exit(server.returncode)


def _serving(run: Path, pid: int) -> bool:
    now = state.load(run)
    return now is not None and now.supervisor.pid == pid and now.phase == "serving"


if __name__ == "__main__":
    cli.run(main)
