"""Every overlay, one after the other; an API server for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import built
from tests.kubernetes.api import Api, running_api
from tests.kubernetes.built import Object


@pytest.fixture(params=built.OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Object]:
    """Return an overlay's objects, which the test may break."""
    return built.overlay(request.param)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path) as api:
        yield api
