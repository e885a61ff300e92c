"""The page that Prometheus reads: what is cheap is looked up when it asks, the report is the last one."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from scripts.canarying import record
from scripts.errors import UserError
from scripts.exporting import figures, wanted
from scripts.exporting.figures import Look
from scripts.exporting.gauges import gauge
from scripts.exporting.live import Live
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


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *words: object) -> None:
        pass


def serve(
    release: Release, live: Live, port: int, say: Callable[[str], None], try_again_s: float = _TRY_AGAIN_S
) -> None:
    """Serve both on loopback from a thread of its own; return once the port is free and taken by it.

    Args:
        release: whose metrics are at every path but one.
        live: what is at /live.
        port: of both.
        say: told once, if the port is taken.
        try_again_s: between two looks at a port that is taken.
    """
    application = _application(release, live)
    said = False
    while True:
        try:
            server = make_server(ports.LOOPBACK, port, application, _Server, _Quiet)
        except OSError:
            if not said:
                why = ports.why_not(ports.LOOPBACK, port) or f"on {ports.LOOPBACK} was taken"
                say(f"port {port} {why}; free it, or set EXPORTER_PORT to another and restart; trying again until then")
            said = True
            threading.Event().wait(try_again_s)
        else:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            say(f"serving {ports.LOOPBACK}:{port}/metrics")
            return


def _application(release: Release, live: Live) -> WSGIApplication:
    registry = CollectorRegistry()
    registry.register(release)
    ProcessCollector(registry=registry)
    metrics: WSGIApplication = make_wsgi_app(registry)

    def answer(environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environment["PATH_INFO"] != "/live":
            return metrics(environment, start)
        try:
            status, document = "200 OK", live.document()
        except UserError:
            message = "the edge does not say what its versions do; try again"
            status, document = "503 Service Unavailable", {"error": {"code": "unavailable", "message": message}}
        start(status, [("content-type", "application/json")])
        return [json.dumps(document).encode()]

    return answer
