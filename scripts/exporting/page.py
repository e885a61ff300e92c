"""The page that Prometheus reads: what is cheap is looked up when it asks, the report is the last one."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from scripts.canarying import record
from scripts.errors import UserError
from scripts.exporting import figures, wanted
from scripts.exporting.figures import Look
from scripts.exporting.gauges import gauge
from scripts.serving import ports, traffic
from scripts.serving.places import Places

_TRY_AGAIN_S = 5.0


class Release(Collector):
    """All metrics of one run directory.

    Attributes:
        look: the last one at the logs; None before the first.
    """

    def __init__(self, places: Places, model: str) -> None:
        """Know nothing of the logs yet.

        Args:
            places: of the server.
            model: the served name.
        """
        self.look: Look | None = None
        self._places = places
        self._model = model

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the metrics, as they are now."""
        whose: dict[tuple[str, ...], float] = {(self._model, str(self._places.run)): 1}
        yield gauge("release_info", "Whose metrics these are", ("model", "run"), whose)
        with contextlib.suppress(UserError):  # Somebody edits it: nobody knows its weights until it can be read.
            yield from wanted.of_weights(traffic.read(self._places.traffic).split)
        canary = record.load(self._places.run)
        if canary is not None:
            yield from wanted.of_canary(canary)
        if self.look is not None:
            yield from figures.of_look(self.look)


def serve(release: Release, port: int, say: Callable[[str], None], try_again_s: float = _TRY_AGAIN_S) -> None:
    """Serve the page on loopback from a thread of its own; return once the port is free and taken by it.

    Args:
        release: whose metrics.
        port: of the page.
        say: told once, if the port is taken.
        try_again_s: between two looks at a port that is taken.
    """
    registry = CollectorRegistry()
    registry.register(release)
    ProcessCollector(registry=registry)
    said = False
    while True:
        try:
            start_http_server(port, ports.LOOPBACK, registry)
        except OSError:
            if not said:
                why = ports.why_not(ports.LOOPBACK, port) or f"on {ports.LOOPBACK} was taken"
                say(f"port {port} {why}; free it, or set EXPORTER_PORT to another and restart; trying again until then")
            said = True
            threading.Event().wait(try_again_s)
        else:
            say(f"serving {ports.LOOPBACK}:{port}/metrics")
            return
