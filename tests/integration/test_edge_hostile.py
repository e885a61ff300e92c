"""Hostile bodies, bytes and connections, against the real Envoy with the real TorchServe behind it."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import psutil
import pytest
import requests

from benchmarks import hostile_bodies, hostile_images, hostile_wire
from benchmarks.hostile_bodies import ANSWERED, Body
from scripts.serving import envoy_limits
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.server import MODEL, Server

PATH = f"/predictions/{MODEL}"
# Each takes seconds of a core, or is generated slowly; the handler's own tests have them.
SLOW = ("decoding_too_slow",)


def answer(server: Server, content: bytes, content_type: str, headers: dict[str, str]) -> tuple[int, str]:
    sent = {"content-type": content_type, **headers}
    got = requests.post(
        server.url + PATH,
        data=content,
        headers={name: value.encode("latin-1") for name, value in sent.items()},
        timeout=60,
    )
    error = got.json().get("error")
    assert error is None or error["message"]
    return got.status_code, error["code"] if error else ANSWERED


@contextlib.contextmanager
def neighbours(server: Server, cell: bytes) -> Iterator[None]:
    """Ask for ordinary predictions as long as the block runs; each must be answered, by the same workers throughout."""
    before = workers(server)
    is_over = False

    def ask() -> int:
        count = 0
        while not is_over:
            got = server.predict(cell)
            assert got.status_code == 200, got.text
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        try:
            yield
        finally:
            is_over = True
        assert asked.result() > 0
    assert workers(server) == before


def workers(server: Server) -> set[int]:
    return {process.pid for process in server.processes() if "model_service_worker" in " ".join(process.cmdline())}


def test_each_hostile_body_gets_its_code_and_its_neighbours_their_answers(server: Server, cell: bytes) -> None:
    def wrong(body: Body) -> str | None:
        status, code = answer(server, body.content, body.content_type, dict(body.headers))
        return None if code == body.code and status < 500 else f"{body.name}: {status} {code}"

    with neighbours(server, cell), ThreadPoolExecutor(4) as pool:
        assert [found for found in pool.map(wrong, hostile_bodies.all_of()) if found] == []


@pytest.mark.operations
def test_each_hostile_image_gets_its_code_and_its_neighbours_their_answers(server: Server, cell: bytes) -> None:
    images = [image for image in hostile_images.all_of() if image.code not in SLOW]
    with neighbours(server, cell):
        found = {image.name: answer(server, image.make(), "image/png", {}) for image in images}
    assert {name: code for name, (_, code) in found.items()} == {image.name: image.code for image in images}
    assert max(status for status, _ in found.values()) < 500


def test_no_bytes_on_the_wire_are_two_requests_or_an_error_of_ours(server: Server, cell: bytes) -> None:
    """Whatever is smuggled in behind a request that is refused is no request."""
    shapes = {
        name: request for name, request in hostile_wire.requests(PATH, cell).items() if name not in hostile_wire.WAITING
    }
    with neighbours(server, cell), ThreadPoolExecutor(16) as pool:
        port = server.ports["edge"]
        found = dict(
            zip(shapes, pool.map(lambda request: hostile_wire.answer(port, request), shapes.values()), strict=True)
        )
    assert {
        name: statuses for name, statuses in found.items() if len(statuses) > 1 or max(statuses, default=0) >= 500
    } == {}
    harmless = {name for name, statuses in found.items() if statuses == [200]}
    # The edge joins a folded line and sends hosts and upgrades on as nothing; the request is whole all the same.
    assert harmless <= {"a folded header", "a return in a header", "two hosts", "an upgrade"}


def test_uploads_that_end_early_cost_their_neighbours_nothing(server: Server, cell: bytes) -> None:
    with neighbours(server, cell):
        for number in range(60):
            hostile_wire.aborted(server.ports["edge"], PATH, cell * 20, number / 60)


class Quick(BaseHTTPRequestHandler):
    """A model server that answers at once."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def quick_edge() -> Iterator[LoneEdge]:
    with lone_edge(Quick) as edge:
        yield edge


@pytest.mark.operations
def test_a_healthy_caller_is_answered_beside_thousands_of_connections_that_do_nothing(quick_edge: LoneEdge) -> None:
    count = min(10_000, envoy_limits.max_connections() - 100)
    envoy_limits.raise_descriptors()
    memory: Callable[[], float] = lambda: psutil.Process(quick_edge.process.pid).memory_info().rss / 1e6  # noqa: E731
    before = memory()
    with (
        hostile_wire.idle(quick_edge.ports.edge, count // 2) as still_open,
        hostile_wire.idle(quick_edge.ports.edge, count - count // 2, b"POST / HTTP/1.1\r\nhost: a\r\n"),
    ):
        for _ in range(20):
            assert requests.post(quick_edge.url, data=b"x", timeout=10).status_code == 200
        assert still_open() == count // 2
        print(f"{count} idle connections: {memory() - before:.0f} MB more in the edge")
        assert memory() - before < 200
