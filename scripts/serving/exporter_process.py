"""Starts the process that serves the release's metrics (scripts.exporter), and asks whether it answers."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from scripts.serving import loopback, ports, processes
from scripts.serving.exposition import parse
from scripts.serving.loopback import NoAnswer
from scripts.serving.places import REPOSITORY, Places

# Of the extra `report` of pyproject.toml, which the image leaves out.
_NEEDED = ("duckdb", "prometheus_client", "scipy")
_LOG_BYTES = 1_000_000


def missing() -> list[str]:
    """Return the packages that it needs and that are not installed."""
    return [name for name in _NEEDED if importlib.util.find_spec(name) is None]


def log(places: Places) -> Path:
    """Return where its words are."""
    return places.run / "exporter.log"


def start(places: Places) -> subprocess.Popen[bytes]:
    """Return the process, starting, with the ports and folders of this one's environment; raises OSError."""
    words = log(places)
    if words.is_file() and words.stat().st_size > _LOG_BYTES:
        words.write_bytes(b"")
    return processes.start(
        [sys.executable, "-m", "scripts.exporter"],
        cwd=REPOSITORY,
        # It has one thread's work; numpy's linear algebra would keep one, and its buffer, for each core.
        environment={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        output=words,
    )


def url(port: int) -> str:
    """Return where its page is."""
    return f"http://{ports.LOOPBACK}:{port}/metrics"


def answers(port: int, run: Path) -> bool:
    """Return whether the metrics of the run directory `run` are at this port, and not those of another server."""
    try:
        page = loopback.ask("GET", url(port), timeout_s=2).text
    except NoAnswer:
        return False
    return any(sample.name == "release_info" and sample.labels["run"] == str(run) for sample in parse(page))
