"""The running server's essentials, again and again: requests, latency, split, workers, queue by version."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from scripts.serving import torchserve
from scripts.serving.edge import Edge
from scripts.serving.figures import Figures, Look, between
from scripts.serving.management import Management
from scripts.serving.running import attached

REFRESH_S = 2.0
# Envoy counts its histograms together every 5 s, so a shorter window would often hold no latency.
WINDOW_S = 10.0
_CLEAR = "\x1b[H\x1b[2J"


def looks(environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Give what the server did within the last ten seconds, every two seconds.

    Nothing is locked: commands that change the server go on meanwhile.

    Raises:
        UserError: nothing serves, or not any more.
    """
    _, running = attached(environment)
    seen = deque([Look.take(running.ports)])
    while True:
        time.sleep(REFRESH_S)
        wanted, running = attached(environment)
        seen.append(Look.take(running.ports))
        while len(seen) > 2 and seen[-1].at_s - seen[1].at_s >= WINDOW_S:  # noqa: PLR2004  (two make a difference)
            seen.popleft()
        run, name = wanted.places.run, wanted.spec.name
        weights = Edge(run, running.ports, name).split()
        model_log = torchserve.Folders(run / "torchserve").model_log
        management = Management(running.ports.management, name, model_log)
        descriptions = {description.version: description for description in management.describe_all()}
        versions = {
            version: {
                "weight": weights.get(version, 0),
                "ready": description.ready,
                "wanted": description.wanted_workers,
                "waiting": description.queue,
                **asdict(between(seen[0], seen[-1], version)),
            }
            for version, description in descriptions.items()
        }
        yield {"url": running.url, "model": name, "seconds": seen[-1].at_s - seen[0].at_s, "versions": versions}


def text(facts: Mapping[str, Any]) -> str:
    """Return the same for a terminal, which is cleared first."""
    head = ("version", "weight", "share", "requests/s", "5xx/s", "p95 ms", "queue ms", "waiting", "workers")
    total = sum(about["requests_per_s"] for about in facts["versions"].values())
    rows = [head, *(_row(version, about, total) for version, about in facts["versions"].items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    title = f"{facts['model']} at {facts['url']}: the last {facts['seconds']:.0f} s; Ctrl-C ends this"
    return _CLEAR + "\n".join([title, *table])


def _row(version: str, about: Mapping[str, Any], total: float) -> tuple[str, ...]:
    done = Figures(**{name: about[name] for name in Figures.__dataclass_fields__})
    return (
        version,
        f"{about['weight']} %",
        f"{done.requests_per_s / total:.0%}".replace("%", " %") if total else "-",
        f"{done.requests_per_s:.1f}",
        f"{done.failed_per_s:.1f}",
        "-" if done.p95_ms is None else f"{done.p95_ms:.0f}",
        "-" if done.queue_ms is None else f"{done.queue_ms:.1f}",
        str(about["waiting"]),
        f"{about['ready']}/{about['wanted']} READY",
    )
