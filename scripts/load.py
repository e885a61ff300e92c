"""Runs Locust against the running edge; see docs/load.md.

`--json` prints one object: `shape`, `users`, `seconds`, `passed`, what was counted (`answers`, `failures`, `p95_ms`,
`visitors` by version), `checks` (`name`, `seen`, `allowed`, `passed` of each threshold) and `files`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Annotated, Any

import requests
import typer

from load_tests import figure
from load_tests.shapes import SHAPES
from scripts import cli
from scripts.errors import UserError
from scripts.pipeline.spec import DEFAULT_MODEL
from scripts.serving import ports
from scripts.serving.places import REPOSITORY, Places
from scripts.serving.running import attached

PAGE_PORT = 8089
_EXAMPLE = "HOST=http://10.0.0.7:8000"
_REACHED_WITHIN_S = 10.0
LOCUSTFILE = REPOSITORY / "load_tests" / "locustfile.py"


def main(  # noqa: PLR0913, PLR0917  (Typer's options)
    shape: Annotated[str, typer.Option(help=f"How many users there are when: {', '.join(SHAPES)}.")] = "steady",
    users: Annotated[int, typer.Option(min=1, help="The greatest number of users.")] = 16,
    seconds: Annotated[int | None, typer.Option(min=1, help="How long; each shape has a default.")] = None,
    host: Annotated[str | None, typer.Option(help="The edge's URL; the one of this checkout by default.")] = None,
    page: Annotated[bool, typer.Option("--page", help="Open Locust's page on port 8089 instead of starting.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Wait for so many workers, on any machine.")] = 0,
    join: Annotated[str | None, typer.Option(help="Be a worker of the master on this host.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; Locust prints to stderr.")] = False,
) -> None:
    """Load the edge; exit with 1 when a threshold of load_tests/thresholds.yaml is missed."""
    if shape not in SHAPES:
        raise UserError(f"there is no shape {shape!r}; choose from {', '.join(SHAPES)}.")
    if page and (reason := ports.why_not(ports.LOOPBACK, PAGE_PORT)):
        raise UserError(f"port {PAGE_PORT}, of Locust's page, {reason}; end that first, or go without UI=1.")
    if join:
        raise typer.Exit(_work_for(join, as_json))
    # Another machine's server may be loaded without one here.
    url, model = (_reached(host), os.environ.get("MODEL") or DEFAULT_MODEL) if host else _running()
    folder = Places.from_environment(os.environ).run / "load" / shape
    folder.mkdir(parents=True, exist_ok=True)
    judged = folder / "thresholds.json"
    judged.unlink(missing_ok=True)
    # Of `--json`, stdout holds the object alone.
    told = sys.stderr if as_json else sys.stdout
    seconds = seconds or SHAPES[shape].duration_s
    if workers:
        asked = "`make load JOIN=<this machine>` on each machine, once a core"
        print(f"waiting for {workers} workers: {asked}", file=told, flush=True)
    status = _locust(
        told,
        model,
        *("--host", url, "--shape", shape, "--seconds", str(seconds), "--all-users", str(users)),
        *("--html", str(folder / "report.html"), "--csv", str(folder / "locust"), "--csv-full-history"),
        *("--judged", str(judged)),
        # The page starts and stops loads: for this machine alone, unless somebody makes a tunnel to it.
        *(("--web-host", ports.LOOPBACK, "--web-port", str(PAGE_PORT)) if page else ("--headless", "--only-summary")),
        *(("--master", "--expect-workers", str(workers)) if workers else ()),
    )
    files = _files(folder, f"{shape}: {users} users, {seconds} s")
    if as_json:
        said = {"shape": shape, "users": users, "seconds": seconds, "passed": status == 0}
        print(json.dumps(said | _judged(judged, status) | {"files": files}))
    elif files:
        print(*files, sep="\n")
    raise typer.Exit(status)


def _work_for(master: str, as_json: bool) -> int:
    """Return Locust's exit status as a worker.

    Raises:
        UserError: it shall print what it does not know.
    """
    if as_json:
        raise UserError("--join: a worker has no figures, its master has; leave --json out here.")
    return _locust(sys.stdout, os.environ.get("MODEL") or DEFAULT_MODEL, "--worker", "--master-host", master)


def _files(folder: Path, title: str) -> list[str]:
    """Draw the figure, and return what there is to look at; nothing where Locust did not get so far."""
    history = folder / "locust_stats_history.csv"
    if not history.is_file():
        return []
    figure.draw(history, folder / "percentiles.png", title)
    return [str(_shown(folder / name)) for name in ("report.html", "percentiles.png", "locust_stats.csv")]


def _judged(path: Path, status: int) -> dict[str, Any]:
    """Return what Locust counted and how it judged that.

    Raises:
        UserError: it ended before.
    """
    if not path.is_file():
        raise UserError(f"Locust ended with status {status} before it had judged anything; its reason is above.")
    judged: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return judged


def _reached(host: str) -> str:
    """Return the URL of an edge that answers.

    Raises:
        UserError: nothing answers there.
    """
    try:
        requests.get(f"{host}/healthz", timeout=_REACHED_WITHIN_S)
    except requests.RequestException as error:
        reason = type(error).__name__
        raise UserError(f"HOST={host} does not answer ({reason}); name an edge as in {_EXAMPLE}.") from error
    return host


def _running() -> tuple[str, str]:
    """Return the URL and the model of this checkout's server."""
    _, running = attached(os.environ)
    return running.url, running.model


def _locust(told: IO[str], model: str, *options: str) -> int:
    """Return Locust's exit status; what it prints goes to `told`."""
    command = [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), *options]
    environment = {**os.environ, "MODEL": model}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, stdout=told, check=False).returncode


def _shown(path: Path) -> Path:
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


if __name__ == "__main__":
    cli.run(main)
