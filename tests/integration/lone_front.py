"""A real Envoy as deploy/edge/front describes it, in front of small servers of a test's own instead of hosts."""

import http
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from scripts.serving import front, processes, traffic
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.places import REPOSITORY, Ports
from scripts.serving.traffic import Replica
from tests.http_server import HttpServer, serving
from tests.integration.lone_edge import LoneEdge, envoy
from tests.integration.server import MODEL, free_ports

Reply = Callable[[BaseHTTPRequestHandler], None]
"""Answers a POST, whose body has been read."""


class StubReplica(HttpServer):
    """A host behind a front: /healthz as it is told, and a POST as `reply` answers it.

    Attributes:
        well: whether its /healthz is 200.
        reply: can be changed while it serves.
        asked: how many POSTs it has got.
    """

    request_queue_size = 128

    def __init__(self, reply: Reply | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.well = True
        self.reply = reply or answer(http.HTTPStatus.OK)
        self.asked = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Head and body in one packet; by two, the second waits 40 ms for the first one's acknowledgement.
    server: StubReplica

    def do_GET(self) -> None:
        send(self, http.HTTPStatus.OK if self.server.well else http.HTTPStatus.SERVICE_UNAVAILABLE)

    def do_POST(self) -> None:
        self.server.asked += 1
        self.rfile.read(int(self.headers["content-length"]))
        self.server.reply(self)

    def log_message(self, format: str, *words: object) -> None:
        pass


def answer(status: int, body: bytes = b"{}", **headers: str) -> Reply:
    """Return what answers every request so; underscores in the headers' names stand for hyphens."""
    return lambda handler: send(handler, status, body, **headers)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"{}", **headers: str) -> None:
    """Send an answer."""
    handler.send_response(status)
    for name, value in {"content_length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer, as a server does that is killed."""
    handler.close_connection = True
    handler.connection.close()


class LoneFront(LoneEdge):
    """The same of a front."""

    @property
    def admin(self) -> Admin:
        """What it says of its replicas."""
        return Admin(self.ports.admin)


@contextmanager
def lone_front(*replicas: StubReplica, **settings: int) -> Iterator[LoneFront]:
    """Run a front over them, and them; `settings` are of `edge` in traffic.yaml, as in timeout_s=2."""
    with ExitStack() as stack:
        for replica in replicas:
            stack.enter_context(serving(replica))
        hosts = [Replica(address="127.0.0.1", port=replica.server_port) for replica in replicas]
        yield stack.enter_context(front_over(hosts, **settings))


@contextmanager
def front_over(hosts: Sequence[Replica], **settings: int) -> Iterator[LoneFront]:
    """Run a front over hosts that are there already; it has looked at each when this gives it."""
    with tempfile.TemporaryDirectory(prefix="front-") as name:
        ports = Ports(**free_ports(Ports(exporter=None)), exporter=None)
        wanted = traffic.read(REPOSITORY / "traffic.yaml")
        there = wanted.edge.model_copy(update={"port": ports.edge, **settings})
        wanted = wanted.model_copy(update={"edge": there, "replicas": list(hosts)})
        edge = Edge(Path(name), ports, MODEL, front.TEMPLATES / "front")
        with envoy(edge, ports, wanted) as process:
            found = LoneFront(ports, process, edge, wanted)
            assert processes.wait_until(lambda: len(found.admin.replicas()) == len(hosts), 10)
            yield found
