"""Who may ask, how often, and what a browser is told: a real Envoy with keys in front of a small server."""

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import pytest
import requests

from scripts.serving import keys, processes
from scripts.serving.edge import Edge
from scripts.serving.keys import Key
from scripts.serving.per_key import PerKey
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.server import MODEL

ANN = {"x-api-key": "ann.secret-of-ann"}
BOB = {"x-api-key": "bob.secret-of-bob"}
KEYS = {"ann": Key(hash=keys.hashed("secret-of-ann")), "bob": Key(hash=keys.hashed("secret-of-bob"), requests_per_s=3)}
ORIGIN = "https://lab.example.org"
AT_ONCE = 2
SAFE = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Upstream(BaseHTTPRequestHandler):
    """A model server that is ready, keeps the headers it gets and, asked to, waits for `free`."""

    protocol_version = "HTTP/1.1"
    got: ClassVar[list[dict[str, str]]] = []
    free = threading.Event()

    def do_GET(self) -> None:
        self._answer(b'{"status": "READY"}')

    def do_OPTIONS(self) -> None:
        self._answer(b"the model server's own")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append({name.lower(): value for name, value in self.headers.items()})
        if body == b"wait":
            self.free.wait(30)
        self._answer(b"{}")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "max-age=60")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def edge() -> Iterator[LoneEdge]:
    """Return an edge with two keys."""
    wanted = {"per_key": PerKey(at_once=AT_ONCE)}
    with lone_edge(Upstream, admitted=KEYS, keys=wanted, cors_origins=(ORIGIN,)) as running:
        yield running


def ask(edge: LoneEdge, body: bytes = b"x", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(edge.url, data=body, headers=named, timeout=40)


def with_key(edge: LoneEdge, key: dict[str, str], body: bytes = b"x") -> requests.Response:
    return requests.post(edge.url, data=body, headers=key, timeout=40)


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def site(edge: LoneEdge) -> str:
    return edge.url.removesuffix(f"/predictions/{MODEL}")


def test_a_key_is_taken_in_each_of_three_ways(edge: LoneEdge) -> None:
    basic = base64.b64encode(b"ann:secret-of-ann").decode()
    assert ask(edge, x_api_key="ann.secret-of-ann").status_code == 200
    assert ask(edge, authorization="Bearer ann.secret-of-ann").status_code == 200
    assert ask(edge, authorization=f"Basic {basic}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "ann.secret-of-bob"},
        {"x-api-key": "carl.secret-of-ann"},
        {"x-api-key": "secret-of-ann"},
        {"x-api-key": "ann." + KEYS["ann"].hash},
        {"x-api-key": ""},
        {"authorization": "Bearer ann"},
        {"authorization": "Basic !"},
        # What only the edge may say.
        {"x-edge-client": "ann"},
        {"x-edge-credential": "Basic " + base64.b64encode(b"ann:secret-of-ann").decode()},
        {"x-api-key": "ann.wrong", "x-edge-credential": "Basic " + base64.b64encode(b"ann:secret-of-ann").decode()},
    ],
)
def test_anything_else_is_401_in_the_contracts_shape(edge: LoneEdge, headers: dict[str, str]) -> None:
    refused = requests.post(edge.url, data=b"x", headers=headers, timeout=10)
    assert code_of(refused) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == 'Basic realm="predictions"'


def test_no_path_can_be_told_from_another_without_a_key_but_healthz_and_the_pages(edge: LoneEdge) -> None:
    paths = ("/live", "/predictions", f"/predictions/{MODEL}/1.0", "/document", "/models", "/healthz/x", "/healthz%20")
    paths += ("/v1/models", f"/v1/models/{MODEL}", "/v1/models/other")
    assert {path: requests.get(site(edge) + path, timeout=10).status_code for path in paths} == dict.fromkeys(
        paths, 401
    )
    assert requests.get(f"{site(edge)}/healthz", timeout=10).json() == {"status": "ok"}


def test_the_model_server_sees_neither_key_nor_name(edge: LoneEdge) -> None:
    Upstream.got.clear()
    for headers in (ANN, {"authorization": "Bearer ann.secret-of-ann"}, ANN | {"x-edge-client": "bob"}):
        assert with_key(edge, headers).status_code == 200
    assert len(Upstream.got) == 3
    assert "ann" not in json.dumps(Upstream.got)
    assert "secret" not in json.dumps(Upstream.got)


def test_the_access_log_names_the_client_and_never_its_key(edge: LoneEdge) -> None:
    for number, headers in enumerate((ANN, BOB, {}, {"x-api-key": "ann.wrong-secret"}, ANN | {"x-edge-client": "bob"})):
        with_key(edge, headers | {"x-request-id": f"logged-{number}"})
    log = edge.files.access_log
    assert log is not None
    assert processes.wait_until(lambda: "logged-4" in log.read_text(), 10)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    found = {line["request_id"]: line["client"] for line in lines if line["request_id"].startswith("logged-")}
    assert [found[f"logged-{number}"] for number in range(5)] == ["ann", "bob", None, None, "ann"]
    assert "secret" not in log.read_text()


def test_one_keys_requests_a_second_are_bounded_and_not_the_others(edge: LoneEdge) -> None:
    answers = [with_key(edge, BOB) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < 20
    assert {code_of(answer) for answer in refused} == {(429, "rate_limited")}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert "requests of a second" in refused[0].json()["error"]["message"]
    assert with_key(edge, ANN).status_code == 200


def test_one_keys_requests_under_way_are_bounded_and_not_the_others(edge: LoneEdge) -> None:
    with waiting(edge, ANN, 8) as answers:
        # Those over the bound are answered while the others wait.
        assert processes.wait_until(lambda: sum(answer.done() for answer in answers) == 8 - AT_ONCE, 10)
        assert processes.wait_until(lambda: with_key(edge, BOB).status_code == 200, 10)
    found = [answer.result() for answer in answers]
    assert sorted(answer.status_code for answer in found) == [200] * AT_ONCE + [429] * (8 - AT_ONCE)
    refused = next(answer for answer in found if answer.status_code == 429)
    assert (*code_of(refused), refused.headers["retry-after"]) == (429, "rate_limited", "1")
    assert "under way" in refused.json()["error"]["message"]
    assert with_key(edge, ANN).status_code == 200


def test_whoever_goes_away_makes_room_for_the_next(edge: LoneEdge) -> None:
    Upstream.free.clear()
    for _ in range(AT_ONCE):
        with pytest.raises(requests.Timeout):
            requests.post(edge.url, data=b"wait", headers=ANN, timeout=0.5)
    assert processes.wait_until(lambda: with_key(edge, ANN).status_code == 200, 10)
    Upstream.free.set()


@contextmanager
def waiting(edge: LoneEdge, key: dict[str, str], count: int) -> Iterator[list[Any]]:
    Upstream.free.clear()
    with ThreadPoolExecutor(count) as pool:
        try:
            yield [pool.submit(with_key, edge, key, b"wait") for _ in range(count)]
        finally:
            Upstream.free.set()


def test_a_browser_is_told_to_make_nothing_of_any_answer(edge: LoneEdge) -> None:
    """Whoever answers: a version, the edge's health, its refusals before and after a route is chosen."""
    answers = [
        with_key(edge, ANN),
        requests.get(f"{site(edge)}/healthz", timeout=10),
        with_key(edge, {}),
        requests.get(f"{site(edge)}/nothing", headers=ANN, timeout=10),
        requests.get(edge.url, headers=ANN, timeout=10),
        requests.get(f"{site(edge)}/a%2fb", headers=ANN, timeout=10),
        requests.post(edge.url, data=b"x", headers=ANN | {"an_underscore": "1"}, timeout=10),
        requests.post(edge.url, data=b"x" * 16_000_001, headers=ANN, timeout=10),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 404, 405, 400, 400, 413]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in SAFE} == SAFE
        assert "strict-transport-security" not in answer.headers


def preflight(
    edge: LoneEdge, origin: str, path: str = f"/predictions/{MODEL}", method: str = "POST"
) -> requests.Response:
    asked = {"origin": origin, "access-control-request-method": method}
    return requests.options(site(edge) + path, headers=asked, timeout=10)


def test_a_named_origins_page_may_ask_without_a_key_what_it_may_send(edge: LoneEdge) -> None:
    for path in (f"/predictions/{MODEL}", f"/predictions/{MODEL}/2.0"):
        allowed = preflight(edge, ORIGIN, path)
        assert (allowed.status_code, allowed.text) == (200, "")
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        assert allowed.headers["access-control-allow-methods"] == "POST"
        assert "x-api-key" in allowed.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    ("origin", "path", "method"),
    [
        ("https://other.example.org", f"/predictions/{MODEL}", "POST"),
        ("null", f"/predictions/{MODEL}", "POST"),
        (ORIGIN, "/models", "POST"),
        (ORIGIN, f"/predictions/{MODEL}/9.9", "POST"),
        (ORIGIN, f"/predictions/{MODEL}", "DELETE"),
        (ORIGIN, f"/predictions/{MODEL}", ""),
    ],
)
def test_no_other_preflight_is_answered_nor_reaches_the_model_server(
    edge: LoneEdge, origin: str, path: str, method: str
) -> None:
    refused = preflight(edge, origin, path, method)
    assert code_of(refused) == (401, "unauthorized")
    assert "access-control-allow-origin" not in refused.headers
    asked = {"origin": origin, "access-control-request-method": method} | ANN
    assert requests.options(site(edge) + path, headers=asked, timeout=10).status_code in (200, 404, 405)
    assert "model server" not in requests.options(site(edge) + path, headers=asked, timeout=10).text


def test_a_named_origins_page_may_read_answers_and_refusals_and_another_may_not(edge: LoneEdge) -> None:
    for key, status in ((ANN, 200), ({}, 401)):
        answer = with_key(edge, key | {"origin": ORIGIN})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert "x-model-version" in answer.headers["access-control-expose-headers"]
        other = with_key(edge, key | {"origin": "https://other.example.org"})
        assert "access-control-allow-origin" not in other.headers


def test_keys_and_limits_change_without_a_restart_and_on_connections_that_are_open() -> None:
    with lone_edge(Upstream, admitted=KEYS) as edge, requests.Session() as ann, requests.Session() as carl:
        other = {"carl": Key(hash=keys.hashed("secret-of-carl"))}
        carls = {"x-api-key": "carl.secret-of-carl"}
        assert ann.post(edge.url, data=b"x", headers=ANN, timeout=10).status_code == 200
        assert carl.post(edge.url, data=b"x", headers=carls, timeout=10).status_code == 401

        def admit(known: dict[str, Key], at_once: int | None = None) -> None:
            files = Edge(edge.files.folder.parent, edge.ports, MODEL, keys=known)
            files.admit(edge.wanted.model_copy(update={"per_key": PerKey(requests_per_s=1, at_once=at_once)}))

        admit(KEYS | other)
        assert ann.post(edge.url, data=b"x", headers=ANN, timeout=10).status_code == 200
        assert carl.post(edge.url, data=b"x", headers=carls, timeout=10).status_code == 200
        # His bucket gets one a second: a second request may come later than that.
        found = {carl.post(edge.url, data=b"x", headers=carls, timeout=10).status_code for _ in range(5)}
        assert 429 in found
        admit(other)
        assert ann.post(edge.url, data=b"x", headers=ANN, timeout=10).status_code == 401
        admit({})
        assert ann.post(edge.url, data=b"x", timeout=10).status_code == 200


def test_without_keys_and_origins_an_edge_asks_for_none_and_allows_none() -> None:
    with lone_edge(Upstream) as edge:
        answer = with_key(edge, {"origin": ORIGIN})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert code_of(preflight(edge, ORIGIN)) == (405, "method_not_allowed")


def test_the_monitoring_port_asks_for_a_key_too(edge: LoneEdge) -> None:
    pages = f"http://127.0.0.1:{edge.ports.monitoring}"
    assert requests.get(f"{pages}/metrics/edge", timeout=10).status_code == 401
    assert requests.get(f"{pages}/metrics/edge", headers={"authorization": "Bearer ann.secret-of-ann"}, timeout=10).ok
    assert requests.get(f"{pages}/healthz", timeout=10).ok


def test_what_envoy_reads_is_for_its_user_alone_and_holds_no_key(edge: LoneEdge) -> None:
    files = list(edge.files.folder.iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    dumped = requests.get(f"http://127.0.0.1:{edge.ports.admin}/config_dump?include_eds", timeout=10).text
    text = dumped + "".join(file.read_text() for file in files)
    assert "secret-of" not in text
    assert KEYS["ann"].hash not in dumped
