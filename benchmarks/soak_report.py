"""What a soak did to each process, and whether anything grew."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import numpy as np
import psutil

from scripts.markdown import table

# Requests from one look to the next, and the share of the looks that is left out of the slopes.
STEP, WARM_UP = 1000, 0.2
# Per 10,000 requests.
LIMITS = {"MB": 1.0, "descriptors": 1.0, "threads": 1.0}
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


@dataclass
class Seen:
    """What was seen of one process: a row for each look.

    Attributes:
        process: looked at.
        rows: MB, descriptors and threads, in the order of LIMITS.
    """

    process: psutil.Process
    rows: list[tuple[float, float, float]] = field(default_factory=list)

    def look(self) -> None:
        """Look once more."""
        with self.process.oneshot():
            mb = self.process.memory_info().rss / 1e6
            self.rows.append((mb, self.process.num_fds(), self.process.num_threads()))


@dataclass(frozen=True)
class Soak:
    """A run.

    Attributes:
        requests: sent.
        statuses: of the answers; 0: none.
        seen: by process.
    """

    requests: int
    statuses: Counter[int]
    seen: Mapping[str, Seen]

    def slopes(self, name: str) -> dict[str, float]:
        """Return by how much each figure of a process grows in 10,000 requests."""
        rows = np.array(self.seen[name].rows[int(WARM_UP * len(self.seen[name].rows)) :])
        at = STEP * np.arange(len(rows)) / 10_000
        return dict(zip(LIMITS, np.polynomial.polynomial.polyfit(at, rows, 1)[1].tolist(), strict=True))

    def leaks(self) -> list[str]:
        """Return what grows too fast, as `process: figure`."""
        return [
            f"{name}: {figure}"
            for name in self.seen
            for figure, slope in self.slopes(name).items()
            if slope >= LIMITS[figure]
        ]

    def failures(self) -> int:
        """Return how many requests got no answer, or one that says that the server failed."""
        return sum(
            count
            for status, count in self.statuses.items()
            if status == 0 or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )


def markdown(found: Soak, connections: int) -> str:
    """Return the figures as Markdown."""
    begin = int(WARM_UP * found.requests)
    about = (
        f"Written by `python -m benchmarks.soak`: {found.requests} requests over {connections} connections, "
        f"{', '.join(FORMATS)}, multipart and JSON, a fifth of them bad, both versions as shipped. Slopes are per "
        f"10,000 requests, after the first {begin}."
    )
    rows = []
    for name, seen in found.seen.items():
        kept = np.array(seen.rows[int(WARM_UP * len(seen.rows)) :])
        slopes = [
            f"{kept[0][at]:.0f} → {kept[-1][at]:.0f}, {slope:+.2f}"
            for at, slope in enumerate(found.slopes(name).values())
        ]
        rows.append((name, f"{kept[:, 0].max():.0f}", *slopes))
    statuses = ", ".join(
        f"{status or 'no answer'}: {count}" for status, count in sorted(found.statuses.items()) if count
    )
    goals = [
        (
            "each process, slopes < " + ", ".join(f"{limit:g} {name}" for name, limit in LIMITS.items()),
            ", ".join(found.leaks()) or "none above",
        ),
        ("answers with 5xx, and none", str(found.failures())),
    ]
    head = ("process", "largest MB", *LIMITS)
    return "\n\n".join(["# Soak", about, table(("goal", "found"), goals), table(head, rows), f"By status: {statuses}."])
