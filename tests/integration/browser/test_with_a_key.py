"""The demo page of an edge that asks for a key: a real Envoy in front of a small server."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from scripts.serving import keys
from scripts.serving.keys import Key
from tests.http_server import Answering, HttpServer, serving
from tests.integration.browser.page import Demo
from tests.integration.lone_edge import lone_edge

pytestmark = pytest.mark.browser

FIGURES = {"weight": 100, "wanted_weight": 100, "healthy": True, "requests": 1, "errors": 0}
LIVE = {
    "model": "pets",
    "window_s": 0,
    "versions": {"1.0": FIGURES | {"requests_per_s": None, "p50_ms": None, "p95_ms": None}},
}
ANSWER = {"version": "1.0", "request_id": "x", "predictions": [{"label": "a cat", "index": 0, "probability": 0.9}]}


class Upstream(Answering):
    """A model server, and what counts for the page."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.answer(json.dumps(LIVE if self.path == "/live" else {"status": "READY"}).encode())

    def do_POST(self) -> None:
        self.body()
        self.asked.append(self.path)
        self.answer(json.dumps(ANSWER).encode())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Return where an edge with one key is."""
    with lone_edge(Upstream, admitted={"ann": Key(hash=keys.hashed("secret-of-ann"))}) as edge:
        assert edge.ports.exporter is not None
        with serving(HttpServer(("127.0.0.1", edge.ports.exporter), Upstream)):
            yield f"http://127.0.0.1:{edge.ports.edge}"


def test_without_a_key_the_page_says_what_the_server_says_and_asks_for_one(tab: Any, url: str) -> None:
    tab.goto(url)
    tab.get_by_role("alert").get_by_text("unauthorized: no key, or none that is known").wait_for()
    assert tab.get_by_label("Key", exact=True).evaluate("field => field === document.activeElement")
    assert tab.get_by_text("The figures need a key").is_visible()


def test_with_a_key_it_is_another_models_page_and_the_key_is_kept_for_this_tab_alone(tab: Any, url: str) -> None:
    tab.goto(url)
    tab.get_by_label("Key", exact=True).fill("ann.secret-of-ann")
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="pets").wait_for()
    assert not tab.get_by_role("alert").is_visible()
    assert not tab.get_by_text("Or try one of these").is_visible()
    Demo.at(tab, url)  # loaded anew, it still has it
    assert tab.evaluate("[localStorage.length, document.cookie, sessionStorage.length]") == [0, "", 2]
    stranger = tab.context.new_page()
    stranger.goto(url)
    stranger.get_by_role("alert").get_by_text("unauthorized").wait_for()
