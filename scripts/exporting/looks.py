"""One look at the logs after the other, none of which may take more of the machine than a twentieth of a core."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace

import duckdb

from scripts.errors import UserError
from scripts.exporting.figures import Look
from scripts.reporting.collect import Asked, collect
from scripts.serving import traffic
from scripts.serving.installation import Installation

WINDOW_S = 24 * 3600.0
"""What was logged before does not count."""
_SHORTEST_PAUSE_S = 15.0
_PAUSE_RATIO = 20
# In one thread. Logs that need more memory go to the disk meanwhile, and those that need more of it are said to.
_DATABASE = {"threads": "1", "memory_limit": "256MB", "max_temp_directory_size": "2GB"}


def pause_s(took_s: float) -> float:
    """Return how long to rest after a look that took so long."""
    return max(_SHORTEST_PAUSE_S, _PAUSE_RATIO * took_s)


def look(wanted: Installation, last: Look | None, now: Callable[[], float] = time.time) -> Look:
    """Return what the logs of the last 24 hours say, or the report of before and why there is no new one.

    Args:
        wanted: the installation; its traffic.yaml is read anew.
        last: the look before.
        now: the time, in seconds since 1970.
    """
    began = time.monotonic()
    spilled = wanted.places.run / "exporter.tmp"
    try:
        shutil.rmtree(spilled, ignore_errors=True)  # of a process that was killed
        at_s = now()
        report = collect(_asked(wanted, at_s), _DATABASE | {"temp_directory": str(spilled)})
    except UserError as error:
        failure = str(error)
    except (OSError, duckdb.Error) as error:  # a log that was moved away meanwhile; logs that are too large
        failure = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    else:
        return Look(report, at_s, time.monotonic() - began)
    took_s = time.monotonic() - began
    return replace(last, took_s=took_s, failure=failure) if last else Look(None, None, took_s, failure)


def _asked(wanted: Installation, at_s: float) -> Asked:
    now = replace(wanted, traffic=traffic.read(wanted.places.traffic))
    # Nobody gives labels here, and a verdict that waits for them would never change.
    return replace(Asked.of_server(now, at_s - WINDOW_S), without_labels=True)
