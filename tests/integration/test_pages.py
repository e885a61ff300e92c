"""The files of web/ and the live figures, as the edge serves them."""

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from scripts.serving import keys
from scripts.serving.keys import Key
from scripts.serving.pages import pages
from tests.http_server import Answering, HttpServer, serving
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.lone_front import StubReplica, lone_front

ANN = {"x-api-key": "ann.secret-of-ann"}
FILES = {page.path: page for page in pages()}


class Upstream(Answering):
    """A server that keeps what it is asked."""

    protocol_version = "HTTP/1.0"  # Once it has ended, no connection to it is left.
    got: dict[str, str]

    def do_GET(self) -> None:
        type(self).got = {name.lower(): value for name, value in self.headers.items()}
        self.answer()


@pytest.fixture(scope="module")
def edge() -> Iterator[LoneEdge]:
    """Return an edge with a key."""
    with lone_edge(Upstream, admitted={"ann": Key(hash=keys.hashed("secret-of-ann"))}) as running:
        yield running


def site(edge: LoneEdge) -> str:
    return f"http://127.0.0.1:{edge.ports.edge}"


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json"])
def test_the_pages_are_there_without_a_key(edge: LoneEdge, path: str) -> None:
    answer = requests.get(site(edge) + path, timeout=10)
    assert (answer.status_code, answer.headers["content-type"]) == (200, FILES[path].content_type)


def test_each_file_comes_as_it_lies_on_the_disk(edge: LoneEdge) -> None:
    for path, page in FILES.items():
        answer = requests.get(site(edge) + path, timeout=10)
        with open(page.file, "rb") as file:
            assert answer.content == file.read(), path
        assert answer.headers["content-type"] == page.content_type


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1, GZIP;q=0.5", "deflate, gzip ;q=1.0, br"])
def test_texts_come_compressed_to_whoever_takes_that(edge: LoneEdge, accepted: str) -> None:
    texts = [page for page in FILES.values() if page.size > 1000 and not page.content_type.startswith("image/")]
    assert texts
    for page in texts:
        answer = requests.get(site(edge) + page.path, headers={"accept-encoding": accepted}, timeout=10)
        assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "accept-encoding")
        # Packed once, when the edge is prepared: what is packed while it is asked for has no length yet.
        assert int(answer.headers["content-length"]) < page.size * 0.9
        assert answer.content == Path(page.file).read_bytes()


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "gzip;q=0.000, br", "notgzip", "br, gzip2"])
def test_whoever_does_not_take_that_gets_texts_as_they_are(edge: LoneEdge, accepted: str) -> None:
    largest = max(pages(), key=lambda page: page.size)
    answer = requests.get(site(edge) + largest.path, headers={"accept-encoding": accepted}, timeout=10)
    assert "content-encoding" not in answer.headers
    assert (int(answer.headers["content-length"]), answer.headers["vary"]) == (largest.size, "accept-encoding")


def test_many_who_read_a_large_file_at_once_are_refused_instead_of_filling_the_edges_memory(edge: LoneEdge) -> None:
    largest = max(pages(), key=lambda page: page.size)
    callers = [http.client.HTTPConnection("127.0.0.1", edge.ports.edge, timeout=30) for _ in range(200)]
    for caller in callers:
        caller.connect()
    edge.process.suspend()  # So that all of them are there when it looks.
    try:
        for caller in callers:
            caller.request("GET", largest.path)
    finally:
        edge.process.resume()
    answers = [(answer.status, answer.read()) for answer in map(http.client.HTTPConnection.getresponse, callers)]
    for caller in callers:
        caller.close()
    whole = [body for status, body in answers if status == http.HTTPStatus.OK]
    refused = [body for status, body in answers if status == http.HTTPStatus.SERVICE_UNAVAILABLE]
    assert len(whole) + len(refused) == len(callers)
    assert {len(body) for body in whole} == {largest.size}
    assert {json.loads(body)["error"]["code"] for body in refused} == {"overloaded"}


def test_a_browser_that_has_a_file_is_told_so_and_gets_it_anew_once_it_is_another(edge: LoneEdge) -> None:
    first = requests.get(f"{site(edge)}/docs", timeout=10)
    assert first.headers["cache-control"] == "no-cache"
    again = requests.get(f"{site(edge)}/docs", headers={"if-none-match": first.headers["etag"]}, timeout=10)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = requests.get(f"{site(edge)}/docs", headers={"if-none-match": 'W/"another"'}, timeout=10)
    assert other.content == first.content


def test_no_page_may_run_a_script_that_is_not_a_file_of_the_edge_nor_load_from_elsewhere(edge: LoneEdge) -> None:
    for path in ("/", "/docs"):
        policy = requests.get(site(edge) + path, timeout=10).headers["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert (rules["default-src"], rules["script-src"], rules["connect-src"]) == ("'none'", "'self'", "'self'")
        assert "http" not in policy


@pytest.mark.parametrize("path", ["/assets/none.js", "/docs/none.js", "/assets"])
def test_a_file_that_is_not_there_is_404_in_the_contracts_shape(edge: LoneEdge, path: str) -> None:
    answer = requests.get(site(edge) + path, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/live"])
def test_they_are_to_be_looked_at_and_nothing_else(edge: LoneEdge, path: str) -> None:
    answer = requests.post(site(edge) + path, headers=ANN, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


def test_the_live_figures_need_a_key_which_goes_no_further(edge: LoneEdge) -> None:
    assert requests.get(f"{site(edge)}/live", timeout=10).status_code == 401
    assert edge.ports.exporter is not None
    with serving(HttpServer(("127.0.0.1", edge.ports.exporter), Upstream)):
        for headers in (ANN, {"authorization": "Bearer ann.secret-of-ann"}, ANN | {"cookie": "session=secret"}):
            assert requests.get(f"{site(edge)}/live", headers=headers, timeout=10).status_code == 200
            assert not re.search("secret|ann", str(Upstream.got))


def test_where_nobody_counts_the_figures_that_is_said(edge: LoneEdge) -> None:
    answer = requests.get(f"{site(edge)}/live", headers=ANN, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert "make status" in answer.json()["error"]["message"]


def test_a_front_serves_the_same_files_and_says_that_figures_are_one_replicas() -> None:
    with lone_front(StubReplica()) as front:
        for path, page in FILES.items():
            answer = requests.get(site(front) + path, timeout=10)
            assert len(answer.content) == page.size
        live = requests.get(f"{site(front)}/live", timeout=10)
        assert (live.status_code, live.headers["x-live-of"]) == (200, "one of several")
