"""An archive that reaches TorchServe past the check of `make register`: the metrics port says what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from scripts.serving import processes
from scripts.serving.exposition import parse
from tests.integration.changed import write_changed
from tests.integration.server import MODEL, Server


@pytest.fixture
def changed(server: Server, model_store: Path, int8_archive: Path) -> Iterator[Path]:
    """Return an archive of version 7.7 in the store, changed after it was built; afterwards nothing is left of it."""
    archive = model_store / "changed.mar"
    write_changed(int8_archive, archive, "7.7")
    yield archive
    archive.unlink()
    requests.delete(f"{server.management_url}/models/{MODEL}/7.7", timeout=60)


def mismatches(server: Server) -> dict[str, float]:
    """Return how often a worker found a changed file, by version."""
    samples = parse(requests.get(server.metrics_url, timeout=10).text)
    return {one.labels["ModelVersion"]: one.value for one in samples if one.name == "ArchiveDigestMismatches"}


def test_a_changed_archive_that_is_registered_by_hand_is_counted_under_its_version(
    server: Server, changed: Path
) -> None:
    """The worker that counts it ends at once: what it printed has to reach the metrics port all the same."""
    before = mismatches(server)
    assert "7.7" not in before
    query = {"url": changed.name, "initial_workers": "1", "synchronous": "true"}
    refused = requests.post(f"{server.management_url}/models", params=query, timeout=60)
    assert refused.status_code >= 400
    assert processes.wait_until(lambda: mismatches(server).get("7.7", 0) >= 1, 30), mismatches(server)
    assert {version: count for version, count in mismatches(server).items() if version != "7.7"} == before
    assert before["1.0"] == before["2.0"] == 0
