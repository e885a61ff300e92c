from collections.abc import Iterator

import pytest

from mobilenet_v3_client import Client, Retries
from tests.client.stub import Stub, stub_server


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_server() as running:
        yield running


@pytest.fixture
def client(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Return a client that does not wait long before it asks again."""
    monkeypatch.delenv("API_KEY", raising=False)
    with Client(stub.url, retries=Retries(first_s=0.001)) as asking:
        yield asking
