"""When a shadow's copies come, and what is said of the time that they take."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from scripts.serving import processes
from scripts.serving.traffic import Shadow
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.server import MODEL

DELAY_MS = 100
SHADOW = f"/predictions/{MODEL}/2.0"


class Upstream(BaseHTTPRequestHandler):
    """Answers at once, or, where a request is named `broken`, hangs up; keeps when each was answered."""

    answered_s: dict[tuple[str, str], float] = {}  # noqa: RUF012  (the server makes an object for each connection)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        name = self.headers["x-request-id"]
        if (name, self.path) != ("broken", SHADOW):
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
        self.answered_s[name, self.path] = time.monotonic()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def edge() -> Iterator[LoneEdge]:
    """Return an edge whose 1.0 answers everything, and that mirrors everything to 2.0."""
    with lone_edge(Upstream, keys={"split": {"1.0": 100}, "shadow": Shadow(version="2.0")}) as edge:
        yield edge


def asked(edge: LoneEdge, name: str) -> float:
    """Return when a request was sent, which has been answered by now."""
    connection = http.client.HTTPConnection("127.0.0.1", edge.ports.edge, timeout=30)
    sent_s = time.monotonic()
    connection.request("POST", f"/predictions/{MODEL}", b"cell", {"content-type": "image/png", "x-request-id": name})
    status = connection.getresponse().status
    connection.close()
    assert status == 200
    return sent_s


def copy_of(edge: LoneEdge, name: str) -> Callable[[], dict[str, Any] | None]:
    """Return what looks for the access log's line of a request's copy."""
    log = edge.files.access_log
    assert log is not None

    def look() -> dict[str, Any] | None:
        found = [json.loads(line) for line in log.read_text().splitlines()]
        return next((line for line in found if line["shadow"] and line["request_id"] == name), None)

    return look


def test_a_copy_comes_a_tenth_of_a_second_after_its_original(edge: LoneEdge) -> None:
    sent_s = asked(edge, "copied")
    line = copy_of(edge, "copied")
    assert processes.wait_until(line, 30)
    took_ms = 1e3 * (Upstream.answered_s["copied", SHADOW] - sent_s)
    # Envoy's clock is that of its event loop's last turn.
    assert took_ms > 0.9 * DELAY_MS
    found = line()
    assert found is not None
    assert (found["version"], found["status"]) == ("2.0", 200)


def test_the_time_that_a_copy_waits_is_not_counted(edge: LoneEdge) -> None:
    names = [f"copy {number}" for number in range(5)]
    for name in names:
        asked(edge, name)
    lines = [copy_of(edge, name) for name in names]
    assert processes.wait_until(lambda: all(line() for line in lines), 30)
    # The least: on a busy machine an answer may wait for Envoy as long.
    assert min(found["ms"] for line in lines if (found := line())) < DELAY_MS / 2


def test_a_copy_that_gets_no_answer_has_its_line(edge: LoneEdge) -> None:
    asked(edge, "broken")
    line = copy_of(edge, "broken")
    assert processes.wait_until(line, 30)
    found = line()
    assert found is not None
    assert found["status"] == 503
