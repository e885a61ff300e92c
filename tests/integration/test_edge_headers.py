"""What of a caller's request reaches the model server: a real Envoy in front of a server that keeps what it gets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

import pytest
import requests

from scripts.serving import processes
from scripts.serving.traffic import Shadow
from tests.integration.lone_edge import lone_edge
from tests.integration.server import MODEL

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


# What only the edge may say, and what it keeps for itself.
CLAIMS = {
    "x-prediction-user": "bob",
    "x-prediction-shadow": "true",
    "x-prediction-warming": "true",
    "x-edge-draw": "1",
}
NEEDED = {"content-type": "application/octet-stream", "x-original-content-type": "image/png"}


@dataclass(frozen=True)
class Upstream:
    """Where the edge sends everything, and the headers that came there, names in lower case."""

    url: str
    got: list[dict[str, str]]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """Return what is behind an edge as it is shipped."""
    with keeper(prediction_log=False) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def logging_upstream() -> Iterator[Upstream]:
    """Return what is behind an edge whose workers write a prediction log, and which mirrors everything."""
    with keeper(prediction_log=True, shadow=Shadow(version="2.0")) as upstream:
        yield upstream


@contextmanager
def keeper(prediction_log: bool = False, harvest: bool = False, **keys: object) -> Iterator[Upstream]:
    got: list[dict[str, str]] = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            got.append({":path": self.path} | {name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *words: object) -> None:
            """Say nothing."""

    with lone_edge(Keeper, prediction_log=prediction_log, harvest=harvest, keys=keys) as edge:
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
    sent = {"content-type": "image/png", "x-request-id": "mine", "x-top-k": "2", "x-user-id": "ann"}
    got = headers_of(upstream, "", sent | NOISE | CLAIMS)
    assert said(got) == {"x-request-id": "mine", "x-top-k": "2"} | NEEDED


def said(got: dict[str, str]) -> dict[str, str]:
    # What every request has; the deadline is tests/integration/test_overload.py's.
    same = ("host", "content-length", ":path", "x-request-deadline")
    return {name: value for name, value in got.items() if name not in same}


def test_with_a_prediction_log_the_worker_is_told_the_users_id_and_nothing_else(logging_upstream: Upstream) -> None:
    sent = {"content-type": "image/png", "x-request-id": "pinned"}
    got = headers_of(logging_upstream, "/1.0", sent | PRIVATE | NOISE | CLAIMS)
    assert said(got) == {"x-request-id": "pinned", "x-prediction-user": "ann"} | NEEDED


def test_nobody_but_the_edge_says_who_asks(logging_upstream: Upstream) -> None:
    got = headers_of(logging_upstream, "/1.0", {"content-type": "image/png", "x-request-id": "nobody"} | CLAIMS)
    assert said(got) == {"x-request-id": "nobody"} | NEEDED


def test_of_a_mirrored_request_the_copy_alone_is_the_shadows_and_both_are_the_same_users(
    logging_upstream: Upstream,
) -> None:
    headers_of(
        logging_upstream, "", {"content-type": "image/png", "x-request-id": "twice", "x-user-id": "ann"} | CLAIMS
    )

    def came() -> list[dict[str, str]]:
        return [got for got in logging_upstream.got if got.get("x-request-id") == "twice"]

    assert processes.wait_until(lambda: len(came()) == 2, 10)
    both = {"x-request-id": "twice", "x-prediction-user": "ann"} | NEEDED
    shadows = [got for got in came() if "x-prediction-shadow" in got]
    assert [got[":path"] for got in shadows] == [f"/predictions/{MODEL}/2.0"]
    assert said(shadows[0]) == both | {"x-prediction-shadow": "true"}
    [answered] = [got for got in came() if got not in shadows]
    assert said(answered) == both


def test_where_images_are_kept_the_worker_is_told_which_are_copies_and_not_who_asks() -> None:
    with keeper(harvest=True, shadow=Shadow(version="2.0")) as upstream:
        headers_of(upstream, "", {"content-type": "image/png", "x-request-id": "twice", "x-user-id": "ann"} | CLAIMS)
        assert processes.wait_until(lambda: len(upstream.got) == 2, 10)
        assert sorted((got[":path"], got.get("x-prediction-shadow")) for got in upstream.got) == [
            (f"/predictions/{MODEL}/1.0", None),
            (f"/predictions/{MODEL}/2.0", "true"),
        ]
        assert not any("x-prediction-user" in got for got in upstream.got)
