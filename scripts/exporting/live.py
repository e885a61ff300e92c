"""What the demo page shows of each version, and no more: it goes to whoever may predict."""

import threading
import time
from typing import Any

from scripts.errors import UserError
from scripts.serving import traffic
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.figures import Look, between
from scripts.serving.places import Places, Ports
from scripts.serving.watch import WINDOW_S

# However many pages are open, the edge is asked once in this time.
_FRESH_S = 1.0


class Live:
    """The last ten seconds of each version, looked up when somebody asks."""

    def __init__(self, places: Places, ports: Ports, model: str) -> None:
        """Ask nothing yet.

        Args:
            places: of the server.
            ports: of the server.
            model: the served name.
        """
        self._places = places
        self._ports = ports
        self._model = model
        self._edge = Edge(places.run, ports, model)
        self._lock = threading.Lock()
        self._looks: tuple[Look, ...] = ()
        self._last: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """Return the model's name and of each version what it did and how much it gets.

        Raises:
            UserError: the edge does not answer.
        """
        with self._lock:
            if not self._looks or time.monotonic() - self._looks[-1].at_s > _FRESH_S:
                looks = _with(Look.of_edge(self._ports), self._looks)
                # Together: a description that fails leaves nothing that looks fresh.
                self._last, self._looks = self._described(looks[0], looks[-1]), looks
            return self._last

    def _described(self, first: Look, last: Look) -> dict[str, Any]:
        weights, healthy = self._edge.split(), Admin(self._ports.admin).healthy()
        wanted = self._wanted()
        return {
            "model": self._model,
            "window_s": round(last.at_s - first.at_s, 1),
            "versions": {
                version: {
                    "weight": weights.get(version, 0),
                    "wanted_weight": wanted and wanted.get(version, 0),
                    "healthy": healthy.get(version, False),
                    "requests": last.requests(version),
                    "errors": last.failed(version),
                    **_done(first, last, version),
                }
                for version in self._edge.opened()
            },
        }

    def _wanted(self) -> dict[str, int] | None:
        try:
            return traffic.read(self._places.traffic).split
        except UserError:  # Somebody edits it.
            return None


def _with(newest: Look, looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """Return the looks that are still needed: one that is a window old is what the newest is held against."""
    # After a pause of all pages there is none.
    looks = tuple(look for look in looks if newest.at_s - look.at_s <= 2 * WINDOW_S)
    while len(looks) > 1 and newest.at_s - looks[1].at_s >= WINDOW_S:
        looks = looks[1:]
    return (*looks, newest)


def _done(first: Look, last: Look, version: str) -> dict[str, float | None]:
    """Return a version's rates and latencies; None while there was one look."""
    if first is last:
        return dict.fromkeys(("requests_per_s", "p50_ms", "p95_ms"))
    done = between(first, last, version)
    return {
        "requests_per_s": round(done.requests_per_s, 2),
        "p50_ms": done.p50_ms and round(done.p50_ms, 1),
        "p95_ms": done.p95_ms and round(done.p95_ms, 1),
    }
