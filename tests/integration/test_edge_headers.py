"""What of a caller's request reaches the model server: a real Envoy in front of a server that keeps what it gets."""

from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

import pytest
import requests

from tests.integration.lone_edge import lone_edge

PRIVATE = {
    "authorization": "Bearer secret",
    "proxy-authorization": "Basic secret",
    "cookie": "session=secret",
    "x-api-key": "secret",
    "x-amz-security-token": "secret",
    "x-user-id": "ann",
}
NOISE = {
    "user-agent": "a browser",
    "accept": "*/*",
    "accept-language": "en",
    "referer": "http://example.org",
    "origin": "http://example.org",
    "sec-fetch-mode": "cors",
    "x-forwarded-for": "10.0.0.1",
    "x-envoy-upstream-rq-timeout-ms": "1",
}


@dataclass(frozen=True)
class Upstream:
    """Where the edge sends everything, and the headers that came there, names in lower case."""

    url: str
    got: list[dict[str, str]]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    got: list[dict[str, str]] = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            got.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *words: object) -> None:
            """Say nothing."""

    with lone_edge(Keeper) as edge:
        yield Upstream(edge.url, got)


def headers_of(upstream: Upstream, path: str, headers: dict[str, str]) -> dict[str, str]:
    answer = requests.post(upstream.url + path, data=b"x", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return upstream.got[-1]


@pytest.mark.parametrize("path", ["", "/2.0"])
def test_neither_who_a_caller_is_nor_what_proves_it_reaches_the_model_server(upstream: Upstream, path: str) -> None:
    got = headers_of(upstream, path, PRIVATE)
    assert not PRIVATE.keys() & got.keys()


def test_the_worker_reads_only_the_headers_that_the_handler_uses(upstream: Upstream) -> None:
    sent = {"content-type": "image/png", "x-request-id": "mine", "x-top-k": "2"}
    got = headers_of(upstream, "", sent | NOISE)
    needed = {"content-type": "application/octet-stream", "x-original-content-type": "image/png"}
    kept = {"x-request-id": "mine", "x-top-k": "2"} | needed
    assert {name: value for name, value in got.items() if name not in ("host", "content-length")} == kept
