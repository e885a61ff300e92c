"""More requests at once than there are places for: a real Envoy in front of a server that answers when it may."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from threading import Event

import requests

from scripts.serving import processes
from scripts.serving.traffic import Shadow
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.server import MODEL

FULL = {"error": {"code": "overloaded", "message": "too many requests at once; try again"}}
# As TorchServe words it where its own queue is full.
NO_WORKER = b'{\n  "code": 503,\n  "type": "ServiceUnavailableException",\n  "message": "no worker"\n}\n'


@dataclass(frozen=True)
class Place:
    """An edge, and what is behind it.

    Attributes:
        edge: whose version 1.0 has all of the split.
        held: the path of each request that waits until `let_go`, in order.
        let_go: answers them, and whatever comes after.
        deadlines: of each request, as the server behind the edge got it.
    """

    edge: LoneEdge
    held: list[str]
    let_go: Event
    deadlines: list[str]

    def ask(self, body: bytes = b"cell", version: str = "", **headers: str) -> requests.Response:
        """Return the edge's answer to an image, or to `refused`."""
        named = {"content-type": "image/png"} | {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/{version}" if version else ""
        return requests.post(self.edge.url + path, data=body, headers=named, timeout=30)


@contextmanager
def place(requests_at_once: int, shadow: Shadow | None = None) -> Iterator[Place]:
    held: list[str] = []
    deadlines: list[str] = []
    let_go = Event()

    class Held(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, b'[{"workers": [{"status": "READY"}]}]')

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            deadlines.append(self.headers["x-request-deadline"])
            if body == b"refused":
                self._answer(503, NO_WORKER)
                return
            if body == b"held" and not let_go.is_set():
                held.append(self.path)
                let_go.wait()
            self._answer(200, b"{}")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            """Say nothing."""

    keys = {"split": {"1.0": 100, "2.0": 0}, "shadow": shadow}
    with lone_edge(Held, keys=keys, requests_at_once=requests_at_once) as edge:
        try:
            yield Place(edge, held, let_go, deadlines)
        finally:
            let_go.set()


@contextmanager
def holding(found: Place, requests_held: int) -> Iterator[list[Future[requests.Response]]]:
    """Have so many requests for version 1.0 unanswered during a block, and answered at its end."""
    with ThreadPoolExecutor(requests_held) as pool:
        answers = [pool.submit(found.ask, b"held") for _ in range(requests_held)]
        try:
            path = f"/predictions/{MODEL}/1.0"
            assert processes.wait_until(lambda: found.held.count(path) == requests_held, 10)
            yield answers
        finally:
            found.let_go.set()


def copies_refused(found: Place) -> int:
    """Return how many copies found no place, by the access log."""
    log = found.edge.files.access_log
    assert log is not None
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return sum("UO" in line["flags"] and line["shadow"] for line in lines)


def test_one_request_more_than_there_are_places_is_refused_at_once_and_its_neighbours_are_answered() -> None:
    with place(requests_at_once=3) as found:
        with holding(found, 3) as answers:
            refused = [found.ask(), found.ask(version="1.0")]
            other = found.ask(version="2.0")
            assert not any(answer.done() for answer in answers)
        assert [(answer.status_code, answer.json()) for answer in refused] == [(503, FULL)] * 2
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert not any("x-model-version" in answer.headers for answer in refused)
        # The other version's places are its own.
        assert other.status_code == 200
        assert [answer.result().status_code for answer in answers] == [200] * 3
        assert [found.ask().status_code for _ in range(5)] == [200] * 5


def test_a_shadows_copies_get_few_places_and_none_of_the_callers() -> None:
    shadow = Shadow(version="2.0")
    with place(requests_at_once=8, shadow=shadow) as found:
        copies = f"/predictions/{MODEL}/2.0"
        with holding(found, 4):
            # A quarter of eight: two of the four copies wait with their originals, the others were let fall.
            # The edge refuses some before the others have arrived.
            assert processes.wait_until(lambda: copies_refused(found) == found.held.count(copies) == 2, 10)
            assert found.ask(version="2.0").status_code == 200


def test_503_says_when_to_come_again_whoever_says_it() -> None:
    with place(requests_at_once=1) as found:
        answer = found.ask(b"refused")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"


def test_a_request_carries_its_deadline_whatever_its_caller_says() -> None:
    with place(requests_at_once=1) as found:
        before_ms = 1000 * time.time()
        found.ask(x_request_deadline="1+1")
        [deadline] = found.deadlines
        match = re.fullmatch(r"(\d+)\+30000", deadline)
        assert match
        assert int(before_ms) <= int(match[1]) <= 1000 * time.time()
