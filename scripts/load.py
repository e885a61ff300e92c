"""Runs Locust against the running edge; see docs/load.md."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from load_tests import figure
from load_tests.shapes import SHAPES
from scripts import cli
from scripts.errors import UserError
from scripts.pipeline.spec import DEFAULT_MODEL
from scripts.serving.live import attached
from scripts.serving.places import REPOSITORY, Places

LOCUSTFILE = REPOSITORY / "load_tests" / "locustfile.py"


def main(  # noqa: PLR0913, PLR0917  (Typer's options)
    shape: Annotated[str, typer.Option(help=f"How many users there are when: {', '.join(SHAPES)}.")] = "steady",
    users: Annotated[int, typer.Option(min=1, help="The greatest number of users.")] = 16,
    seconds: Annotated[int | None, typer.Option(min=1, help="How long; each shape has a default.")] = None,
    host: Annotated[str | None, typer.Option(help="The edge's URL; the one of this checkout by default.")] = None,
    page: Annotated[bool, typer.Option("--page", help="Open Locust's page on port 8089 instead of starting.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Wait for so many workers, on any machine.")] = 0,
    join: Annotated[str | None, typer.Option(help="Be a worker of the master on this host.")] = None,
) -> None:
    """Load the edge; exit with 1 when a threshold of load_tests/thresholds.yaml is missed."""
    if shape not in SHAPES:
        raise UserError(f"there is no shape {shape!r}; choose from {', '.join(SHAPES)}.")
    if join:
        raise typer.Exit(_locust(os.environ.get("MODEL") or DEFAULT_MODEL, "--worker", "--master-host", join))
    # Another machine's server may be loaded without one here.
    url, model = (host, os.environ.get("MODEL") or DEFAULT_MODEL) if host else _running()
    folder = Places.from_environment(os.environ).run / "load" / shape
    folder.mkdir(parents=True, exist_ok=True)
    seconds = seconds or SHAPES[shape].duration_s
    if workers:
        print(
            f"waiting for {workers} workers: `make load JOIN=<this machine>` on each machine, once a core", flush=True
        )
    status = _locust(
        model,
        *("--host", url, "--shape", shape, "--seconds", str(seconds), "--all-users", str(users)),
        *("--html", str(folder / "report.html"), "--csv", str(folder / "locust"), "--csv-full-history"),
        *(() if page else ("--headless", "--only-summary")),
        *(("--master", "--expect-workers", str(workers)) if workers else ()),
    )
    history = folder / "locust_stats_history.csv"
    if history.is_file():
        figure.draw(history, folder / "percentiles.png", f"{shape}: {users} users, {seconds} s")
        print(*(_shown(folder / name) for name in ("report.html", "percentiles.png", "locust_stats.csv")), sep="\n")
    raise typer.Exit(status)


def _running() -> tuple[str, str]:
    """Return the URL and the model of this checkout's server."""
    _, running = attached(os.environ)
    return running.url, running.model


def _locust(model: str, *options: str) -> int:
    """Return Locust's exit status."""
    command = [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), *options]
    return subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "MODEL": model}, check=False).returncode


def _shown(path: Path) -> Path:
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


if __name__ == "__main__":
    cli.run(main)
