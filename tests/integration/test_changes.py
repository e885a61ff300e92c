"""Versions that come, go and change on a running server, without losing a request; and what is refused."""

import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from scripts.serving import processes
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.places import Ports
from tests.integration.changing import load, patient
from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.usefixtures("left_as_it_was")


def test_scaling_writes_config_properties_and_waits_for_the_workers(server: Server) -> None:
    before = server.config.read_text()
    server.ask("scale", "--version", "2.0", "--workers", "2")
    assert server.ask("status")["versions"]["2.0"]["workers"]["ready"] == 2
    assert '"2.0": {"minWorkers": 2, "maxWorkers": 2' in server.config.read_text()
    server.ask("scale", "--version", "2.0", "--workers", "1")
    assert server.config.read_text() == before


def test_more_workers_than_cores_are_refused_with_the_number_that_fits(server: Server) -> None:
    before = server.config.read_text()
    refused = server.verb("scale", "--version", "2.0", "--workers", "999")
    assert refused.returncode == 1
    assert "999 workers x 1 threads are more than the" in refused.stderr
    assert server.config.read_text() == before


@pytest.mark.operations
def test_apply_changes_batching_without_losing_a_request_and_names_what_needs_a_restart(
    server: Server, cell: bytes
) -> None:
    config = server.config.read_text().replace("job_queue_size=100", "job_queue_size=50")
    server.config.write_text(config.replace('"batchSize": 8', '"batchSize": 4'))
    with load(server, cell) as answers:
        outcome = server.ask("apply")
    assert {status for status, _ in answers()} == {200}
    assert answers().total() > 0
    assert outcome["needs_restart"] == ["config.properties: job_queue_size (100 → 50)"]
    versions = server.ask("status")["versions"]
    assert [versions[version]["batch_size"] for version in ("1.0", "2.0")] == [4, 4]


def test_a_truncated_jpeg_gets_400_and_its_neighbours_in_the_batch_get_200(
    server: Server, cell: bytes, jpeg: bytes
) -> None:
    """Eight at once, in batches that wait for eight."""
    server.config.write_text(patient(server.config.read_text(), 8000))
    server.ask("apply")
    bodies = [cell, jpeg[: len(jpeg) // 2], jpeg, b"", b"no image", cell, jpeg, cell]

    def batches() -> float:
        text = requests.get(server.metrics_url, timeout=10).text
        counts = re.findall(r'BatchSize_count{.*ModelVersion="2\.0".*} (\S+)', text)
        return sum(map(float, counts))

    together = threading.Barrier(len(bodies))

    def send(body: bytes) -> tuple[int, str]:
        together.wait()
        answer = server.predict(body, "2.0")
        return answer.status_code, answer.json().get("error", {}).get("code", "")

    before = batches()
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(send, bodies))
    good, bad = (200, ""), (400, "truncated_image")
    assert answers == [good, bad, good, (400, "empty_body"), (415, "unsupported_format"), good, good, good]
    # The worker says so on its standard output, which TorchServe reads in its own time.
    assert processes.wait_until(lambda: batches() > before, 30)
    assert batches() - before == 1


@pytest.mark.operations
def test_apply_lets_a_version_finish_before_it_takes_it_out(server: Server, cell: bytes) -> None:
    """One request waits for a batch to fill while the batching changes."""
    shipped = server.config.read_text()
    server.config.write_text(patient(shipped, 4000))
    server.ask("apply")
    admin = Admin(server.ports["admin"])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.predict, cell, "2.0")
        assert processes.wait_until(lambda: admin.active_by_version("2.0") == 1, 30)
        server.config.write_text(shipped)
        server.ask("apply")
    assert answer.result().status_code == 200


def test_a_request_whose_body_is_on_its_way_is_answered_by_the_version_that_is_taken_out(
    server: Server, cell: bytes
) -> None:
    shipped = server.config.read_text()
    head = f"POST /predictions/{MODEL}/2.0 HTTP/1.1\r\nhost: edge\r\ncontent-length: {len(cell)}\r\n\r\n"
    edge = Edge(server.run_dir, Ports(**server.ports), MODEL)
    with socket.create_connection(("127.0.0.1", server.ports["edge"]), timeout=60) as slow:
        slow.sendall(head.encode() + cell[:100])
        assert processes.wait_until(lambda: Admin(server.ports["admin"]).active_requests() == 1, 30)
        server.config.write_text(patient(shipped, 6))
        with ThreadPoolExecutor(1) as pool:
            applied = pool.submit(server.ask, "apply")
            assert processes.wait_until(lambda: edge.split() == {"1.0": 100}, 30, pause_s=0.01)
            description = f"{server.management_url}/models/{MODEL}/2.0"
            assert not processes.wait_until(lambda: "READY" not in requests.get(description, timeout=10).text, 0.1)
            slow.sendall(cell[100:])
            assert slow.recv(4096).startswith(b"HTTP/1.1 200")
            applied.result()


@pytest.mark.operations
def test_a_version_that_does_not_come_back_leaves_its_traffic_with_the_others(
    server: Server, cell: bytes, model_store: Path, broken_archive: Callable[[str, str], None]
) -> None:
    shipped = server.config.read_text()
    kept = {path: path.read_bytes() for path in model_store.glob(f"{MODEL}-2.0.mar*")}
    broken_archive("2.0", "raise RuntimeError('half a disk')")
    try:
        server.config.write_text(patient(shipped, 6))
        with load(server, cell) as answers:
            failed = server.verb("apply")
        assert failed.returncode == 1
        assert "version 2.0: its worker does not come up: RuntimeError: half a disk" in failed.stderr
        assert {status for status, _ in answers()} == {200}
        status = server.ask("status")
        assert status["missing"] == ["2.0"]
        assert "not registered: 2.0; `make apply` registers it" in server.verb("status").stdout
        version = status["versions"]
        assert (version["1.0"]["weight"], version["1.0"]["effective_weight"]) == (90, 100)
        assert server.predict(cell).headers["x-model-version"] == "1.0"
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert "registered 2.0" in server.ask("apply")["done"]
    assert server.ask("status")["versions"]["2.0"]["effective_weight"] == 10


def test_registering_opens_a_path_and_a_changed_archive_is_refused(
    server: Server, cell: bytes, model_store: Path
) -> None:
    archive = model_store / f"{MODEL}-2.0.mar"
    content = archive.read_bytes()
    requests.delete(f"{server.management_url}/models/{MODEL}/2.0", timeout=60).raise_for_status()
    try:
        archive.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
        refused = server.verb("register", "--version", "2.0")
        assert refused.returncode == 1
        assert "changed since it was built" in refused.stderr
    finally:
        archive.write_bytes(content)
        assert server.ask("register", "--version", "2.0")["new"] is True
    assert server.predict(cell, "2.0").status_code == 200
    assert server.ask("register", "--version", "2.0")["new"] is False


def test_registering_a_version_again_holds_its_archive_against_what_runs(
    server: Server, model_store: Path, broken_archive: Callable[[str, str], None]
) -> None:
    archive = model_store / f"{MODEL}-2.0.mar"
    digest = archive.with_name(f"{archive.name}.sha256")
    before = archive.read_bytes(), digest.read_bytes()
    try:
        broken_archive("2.0", "pass")
        refused = server.verb("register", "--version", "2.0")
        assert refused.returncode == 1
        assert "2.0 runs with other content than its archive now has" in refused.stderr
    finally:
        archive.write_bytes(before[0])
        digest.write_bytes(before[1])


def test_a_version_that_is_not_there_can_not_be_scaled(server: Server) -> None:
    before = server.config.read_text()
    refused = server.verb("scale", "--version", "9.9", "--workers", "1")
    assert refused.returncode == 1
    assert "version 9.9 is not registered" in refused.stderr
    assert server.config.read_text() == before


def test_a_version_that_does_not_load_is_taken_out_again_with_its_reason(
    server: Server, broken_archive: Callable[[str, str], None]
) -> None:
    broken_archive("9.9", "raise RuntimeError('no such operator: Frobnicate')")
    refused = server.verb("register", "--version", "9.9")
    assert refused.returncode == 1
    assert "version 9.9: its worker does not come up: RuntimeError: no such operator: Frobnicate" in refused.stderr
    assert "9.9" not in server.ask("status")["versions"]
    assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
