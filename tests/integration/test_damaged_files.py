"""Files that somebody or something has damaged: one sentence, and what serves goes on as it did."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from scripts.serving import processes
from scripts.serving.edge import Edge
from scripts.serving.places import Ports
from tests.integration.server import MODEL, Server


def damage(archive: Path) -> None:
    """Flip one bit in the middle."""
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)


@pytest.fixture
def damaged_store(own_server: Server, model_store: Path, tmp_path: Path) -> Path:
    """Return a store of `own_server` alone, whose 1.0 was damaged."""
    store = tmp_path / "store"
    shutil.copytree(model_store, store)
    damage(store / f"{MODEL}-1.0.mar")
    own_server.environment["MODEL_STORE"] = str(store)  # type: ignore[index]
    return store


@pytest.mark.parametrize("verb", ["serve", "start"])
def test_a_damaged_archive_is_named_before_anything_starts(own_server: Server, damaged_store: Path, verb: str) -> None:
    refused = own_server.verb(verb)
    assert refused.returncode == 1
    assert f"{damaged_store / MODEL}-1.0.mar: changed since it was built" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (own_server.run_dir / "state.json").exists()
    assert own_server.processes() == []


@pytest.fixture
def damaged_version(
    server: Server, model_store: Path, broken_archive: Callable[[str, str], None], left_as_it_was: None
) -> Iterator[str]:
    """Return a version of the shared server's store, damaged after it was built."""
    broken_archive("5.5", "pass")
    archive = model_store / f"{MODEL}-5.5.mar"
    damage(archive)
    yield "5.5"
    archive.unlink()


def test_a_damaged_archive_is_not_applied_and_what_serves_goes_on(
    server: Server, damaged_version: str, cell: bytes
) -> None:
    before = server.ask("status")["versions"]
    text = server.traffic.read_text()
    server.traffic.write_text(text.replace('"2.0": 10', f'"2.0": 5, "{damaged_version}": 5'))
    refused = server.verb("apply")
    assert refused.returncode == 1
    assert f"{MODEL}-{damaged_version}.mar: changed since it was built" in refused.stderr
    assert refused.stderr.count("\n") == 1
    server.traffic.write_text(text)
    assert server.ask("status")["versions"] == before
    assert server.predict(cell).status_code == 200


@pytest.mark.usefixtures("left_as_it_was")
@pytest.mark.parametrize("text", ["split: {", "", "split: !!python/object/apply:os.abort []\n", "\0"])
def test_a_traffic_file_that_nobody_can_read_is_one_sentence_and_the_split_stays(
    server: Server, cell: bytes, text: str
) -> None:
    effective = Edge(server.run_dir, Ports(**server.ports), MODEL).split()
    before = server.traffic.read_text()
    server.traffic.write_text(text)
    refused = server.verb("apply")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {server.traffic}: ")
    assert refused.stderr.count("\n") == 1
    assert Edge(server.run_dir, Ports(**server.ports), MODEL).split() == effective
    assert server.predict(cell).status_code == 200
    server.traffic.write_text(before)
    assert server.verb("apply").returncode == 0


@pytest.mark.operations
@pytest.mark.parametrize("name", ["routes", "clusters", "shadow", "health", "ready"])
@pytest.mark.parametrize("text", ["resources: [", "", "resources: []\n"], ids=["no YAML", "empty", "nothing in it"])
def test_a_file_of_the_edge_that_was_broken_by_hand_is_written_anew_by_apply(
    server: Server, cell: bytes, name: str, text: str
) -> None:
    path = server.run_dir / "edge" / f"{name}.yaml"
    before = path.read_text()
    # In Envoy's way: what is renamed into place is looked at.
    broken = path.with_suffix(".broken")
    broken.write_text(text)
    broken.replace(path)
    if text != "resources: []\n":  # That is a file in order, with which Envoy has nowhere to send a request to.
        assert server.predict(cell).status_code == 200
    applied = server.verb("apply")
    assert applied.returncode == 0, applied.stderr
    assert path.read_text() == before
    assert processes.wait_until(lambda: requests.get(f"{server.url}/healthz", timeout=10).status_code == 200, 30)
    assert server.predict(cell).status_code == 200
