"""A real Chromium, and a page of it that watches where the page's requests go."""

import os
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts import browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHOUT_ONE = "no Chromium here: `make browser` gets one from npm, or name one in CHROMIUM"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a running browser."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path, environment = os.environ.get("CHROMIUM"), {}
    if not path and browser.CHROMIUM.is_file():
        path, environment = str(browser.CHROMIUM), browser.environment()
    path = path or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip(WITHOUT_ONE)
    # Chromium's own sandbox is not for root, which CI is.
    words = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=words, env=os.environ | environment)
        yield running
        running.close()


@pytest.fixture
def look() -> dict[str, Any]:
    """Return how the browser's window is; a test may ask for another."""
    return {"viewport": {"width": 1200, "height": 900}}


@pytest.fixture
def tab(chromium: Any, look: dict[str, Any]) -> Iterator[Any]:
    """Return an empty page of a browser without a past; whatever a test does, it may ask nobody but the edge."""
    context = chromium.new_context(**look)
    page = context.new_page()
    page.set_default_timeout(20_000)
    asked: set[str] = set()
    faults: list[str] = []
    page.on("request", lambda request: asked.add(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    own = urlsplit(page.url)
    context.close()
    hosts = {(url.scheme, url.netloc) for url in map(urlsplit, asked) if url.scheme not in ("blob", "data")}
    assert hosts <= {(own.scheme, own.netloc)}
    assert faults == []
