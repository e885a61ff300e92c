"""What a running server can become without losing a request, and what it refuses."""

import json
import re
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from scripts.errors import UserError
from scripts.serving import processes
from scripts.serving.edge import TEMPLATES, Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.live import Live
from scripts.serving.places import Ports
from tests.integration.conftest import MODEL, Server


@pytest.fixture(autouse=True)
def left_as_it_was(server: Server) -> Iterator[None]:
    """Bring the shared server back to 90/10 and the shipped configuration after each test."""
    config, traffic = server.config.read_text(), server.traffic.read_text()
    yield
    if (server.config.read_text(), server.traffic.read_text()) != (config, traffic):
        server.config.write_text(config)
        server.traffic.write_text(traffic)
        server.ask("apply")


@contextmanager
def load(server: Server, cell: bytes, version: str | None = None) -> Iterator[Callable[[], Counter[tuple[int, str]]]]:
    """Send requests from four threads until the block ends; the yielded call counts (status, version) so far."""
    over = threading.Event()
    answers: list[tuple[int, str]] = []

    def caller() -> None:
        while not over.is_set():
            answer = server.predict(cell, version)
            answers.append((answer.status_code, answer.headers.get("x-model-version", "")))

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(caller) for _ in range(4)]
        try:
            yield lambda: Counter(answers)
        finally:
            over.set()
        for each in callers:
            each.result()


def patient(config: str, delay_ms: int) -> str:
    """Return a configuration in which 2.0 waits for its batches to fill."""
    before, entry = config.split('"2.0": ')
    return before + '"2.0": ' + entry.replace('"maxBatchDelay": 5,', f'"maxBatchDelay": {delay_ms},')


def test_a_split_under_load_loses_nothing(server: Server, cell: bytes) -> None:
    with load(server, cell) as answers:
        for split in ("1.0=50 2.0=50", "1.0=0 2.0=100", "1.0=100 2.0=0"):
            before = answers()
            assert server.ask("split", split)
            assert processes.wait_until(lambda before=before: (answers() - before).total() > 20, 30)  # type: ignore[misc]
    assert {status for status, _ in answers()} == {200}
    assert {version for _, version in answers()} == {"1.0", "2.0"}


def test_a_split_is_in_effect_when_the_command_returns(server: Server, cell: bytes) -> None:
    assert server.ask("split", "1.0=0", "2.0=100") == {"split": {"1.0": 0, "2.0": 100}}
    assert {server.predict(cell).headers["x-model-version"] for _ in range(20)} == {"2.0"}
    # Weight 0 keeps a version on its own path.
    assert server.predict(cell, "1.0").headers["x-model-version"] == "1.0"
    status = server.ask("status")
    assert [status["versions"][version]["weight"] for version in ("1.0", "2.0")] == [0, 100]
    assert status["versions"]["2.0"]["default"] is True


def test_raising_a_later_version_moves_users_to_it_and_none_away(server: Server, cell: bytes) -> None:
    def met() -> dict[str, str]:
        users = [f"user-{number}" for number in range(100)]
        return {user: server.predict(cell, headers={"x-user-id": user}).headers["x-model-version"] for user in users}

    before = met()
    server.ask("split", "1.0=60 2.0=40")
    after = met()
    moved = {(before[user], after[user]) for user in before if before[user] != after[user]}
    assert moved == {("1.0", "2.0")}


def test_a_split_keeps_the_comments_of_traffic_yaml(server: Server) -> None:
    before = server.traffic.read_text()
    server.ask("split", "1.0=80 2.0=20")
    after = server.traffic.read_text()
    assert [line for line in before.splitlines() if line.lstrip().startswith("#")] == [
        line for line in after.splitlines() if line.lstrip().startswith("#")
    ]
    assert after != before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("1.0=50 2.0=40", "the weights add up to 90; make it 100"),
        ("1.0=50 3.0=50", "version 3.0 is not registered; `make register VERSION=3.0` first"),
        ("1.0=100 3.0=0", "version 3.0 is not registered; `make register VERSION=3.0` first"),
        ("1.0:50", "'1.0:50' is no VERSION=PERCENT"),
        ("1.0=50 1.0=50", "1.0 is named twice"),
    ],
)
def test_a_split_that_can_not_be_is_one_sentence_and_changes_nothing(server: Server, words: str, sentence: str) -> None:
    before = server.traffic.read_text()
    refused = server.verb("split", words)
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert server.traffic.read_text() == before


def test_a_split_that_envoy_refuses_is_reported_and_taken_back(server: Server, cell: bytes, tmp_path: Path) -> None:
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    routes = templates / "routes.yaml.j2"
    routes.write_text(routes.read_text().replace('("version-" ~ version)', '("nowhere-" ~ version)'))
    file = server.traffic.read_text()
    rendered = (server.run_dir / "edge" / "routes.yaml").read_text()
    with Live.attach(server.environment) as live:
        broken = replace(live, edge=Edge(server.run_dir, Ports(**server.ports), MODEL, templates))
        text = re.sub(r"split: .*", 'split: {"1.0": 30, "2.0": 70}', file)
        with pytest.raises(UserError, match=r"Envoy refuses .*routes\.yaml: .*unknown weighted cluster 'nowhere-1\.0'"):
            broken.commit(text)
    assert server.traffic.read_text() == file
    assert (server.run_dir / "edge" / "routes.yaml").read_text() == rendered
    assert server.predict(cell).status_code == 200
    # And the next one goes through.
    assert server.ask("split", "1.0=30 2.0=70")


def test_healthz_follows_the_split(server: Server) -> None:
    """A version without a worker matters as long as it has weight."""

    def healthz() -> int:
        return requests.get(f"{server.url}/healthz", timeout=10).status_code

    def workers(number: int) -> None:
        url = f"{server.management_url}/models/{MODEL}/2.0"
        scale = {"min_worker": number, "max_worker": number, "synchronous": "true"}
        requests.put(url, params=scale, timeout=60).raise_for_status()

    workers(0)
    try:
        assert processes.wait_until(lambda: healthz() == 503, 30)
        answer = requests.get(f"{server.url}/healthz", timeout=10)
        assert answer.json()["error"]["code"] == "not_ready"
        server.ask("split", "1.0=100 2.0=0")
        assert processes.wait_until(lambda: healthz() == 200, 30)
        refused = server.verb("split", "1.0=90 2.0=10")
        assert refused.returncode == 1
        assert "version 2.0 has no worker that is ready" in refused.stderr
    finally:
        workers(1)
    server.ask("split", "1.0=90 2.0=10")
    assert processes.wait_until(lambda: healthz() == 200, 30)


def test_torchserves_own_refusal_has_the_contracts_shape(server: Server, cell: bytes) -> None:
    url = f"{server.management_url}/models/{MODEL}/2.0"
    requests.put(url, params={"min_worker": 0, "max_worker": 0, "synchronous": "true"}, timeout=60).raise_for_status()
    try:
        answer = server.predict(cell, "2.0")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert "no worker" in answer.json()["error"]["message"]
    finally:
        requests.put(url, params={"min_worker": 1, "max_worker": 1, "synchronous": "true"}, timeout=60)


def test_a_shadow_gets_copies_and_its_answers_are_thrown_away(server: Server, cell: bytes) -> None:
    server.ask("split", "1.0=100 2.0=0")
    assert server.ask("shadow", "--version", "2.0", "--percent", "100")["shadow"] == {"version": "2.0", "percent": 100}
    answer = server.predict(cell, headers={"x-request-id": "shadowed"})
    assert answer.headers["x-model-version"] == "1.0"

    def logged() -> set[tuple[str, bool, int]]:
        lines = (server.run_dir / "access.log").read_text().splitlines()
        entries = [entry for line in lines if (entry := json.loads(line))["request_id"] == "shadowed"]
        return {(entry["version"], entry["shadow"], entry["status"]) for entry in entries}

    assert processes.wait_until(lambda: logged() == {("1.0", False, 200), ("2.0", True, 200)}, 30)
    assert server.ask("shadow", "--percent", "0") == {"shadow": None}
    assert "shadow: null" in server.traffic.read_text()


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
    server.config.write_text(patient(server.config.read_text(), 2000))
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
    good, bad = (200, ""), (400, "unreadable_image")
    assert answers == [good, bad, good, (400, "empty_body"), (415, "unsupported_format"), good, good, good]
    assert batches() - before == 1


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
            assert not processes.wait_until(lambda: "READY" not in requests.get(description, timeout=10).text, 0.5)
            slow.sendall(cell[100:])
            assert slow.recv(4096).startswith(b"HTTP/1.1 200")
            applied.result()


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
