"""A server of a test's own that answers as it is told, also as no real one should."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.http_server import Answering, HttpServer, serving

SEEN = {
    "model": "mobilenet_v3",
    "version": "2.0",
    "request_id": "asked-1",
    "predictions": [
        {"label": "defective", "index": 1, "probability": 0.75},
        {"label": "functional", "index": 0, "probability": 0.25},
    ],
}
Step = Callable[["Handler"], None]


@dataclass(frozen=True)
class Request:
    """What came in, from which port, and when by the monotonic clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    peer: int
    at_s: float


@dataclass
class Stub:
    """The server: its address, what it was asked, and what it does next; nothing left to do: a prediction."""

    url: str
    asked: list[Request] = field(default_factory=list)
    steps: deque[Step] = field(default_factory=deque)
    always: Step | None = None

    def then(self, *steps: Step) -> None:
        self.steps.extend(steps)


def answer(status: int = 200, said: Any = SEEN, **headers: str) -> Step:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return lambda handler: handler.answer(body, status, **headers)


def refuse(status: int, code: str, **headers: str) -> Step:
    return answer(status, {"error": {"code": code, "message": f"because of {code}"}}, x_request_id="asked-2", **headers)


def hang_up(handler: "Handler") -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def half(handler: "Handler") -> None:
    """Close the connection in the middle of the answer."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")
    handler.close_connection = True


def wait_for(event: threading.Event) -> Step:
    """Answer when something has happened."""

    def step(handler: "Handler") -> None:
        event.wait(30)
        answer()(handler)

    return step


def drip(sent: list[int], until: threading.Event) -> Step:
    """Send one byte after the other, so that none is waited for long and all of them for twenty seconds."""

    def step(handler: "Handler") -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100000")
        handler.end_headers()
        while len(sent) < 1000 and not until.wait(0.02):
            handler.wfile.write(b" ")
            sent.append(1)

    return step


class Handler(Answering):
    wbufsize = 0  # What drips goes out byte by byte.
    stub: Stub

    def do_POST(self) -> None:
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.stub.asked.append(Request(self.path, headers, body, self.client_address[1], time.monotonic()))
        step = self.stub.steps.popleft() if self.stub.steps else self.stub.always or answer()
        step(self)

    do_GET = do_POST


class _Server(HttpServer):
    daemon_threads = True
    # A client that asks sixteen things at once has sixteen connections.
    request_queue_size = 64


@contextmanager
def stub_server() -> Iterator[Stub]:
    handler = type("Stubbed", (Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    with serving(server) as url:
        handler.stub = Stub(url)
        yield handler.stub
