"""The release's metrics beside the real servers: what they show, and that nothing waits for them."""

import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from scripts.canarying import record as canary
from scripts.canarying.plan import Plan
from scripts.serving import exporter_process, processes, state
from scripts.serving.exposition import Sample, parse
from scripts.serving.places import Ports
from scripts.serving.processes import Record
from tests.integration.server import MODEL, Server, free_ports

PATIENCE_S = 90


def record(server: Server) -> Record | None:
    now = state.load(server.run_dir)
    return now and now.servers.get("exporter")


def answers(server: Server) -> bool:
    return exporter_process.answers(server.ports["exporter"], server.run_dir)


def samples(server: Server) -> list[Sample]:
    """Return what it shows; nothing where it is too busy to answer."""
    try:
        return parse(requests.get(exporter_process.url(server.ports["exporter"]), timeout=10).text)
    except requests.Timeout:
        return []


def value(server: Server, name: str, **labels: str) -> float | None:
    found = [one.value for one in samples(server) if one.name == name and labels.items() <= one.labels.items()]
    return found[0] if found else None


def test_an_exporter_that_is_killed_comes_back_while_the_server_goes_on(server: Server, cell: bytes) -> None:
    assert processes.wait_until(lambda: answers(server), PATIENCE_S)
    assert processes.wait_until(lambda: server.ask("status")["exporter"]["answers"], PATIENCE_S)
    assert processes.wait_until(lambda: value(server, "release_weight_ratio", version="2.0") == 0.1, PATIENCE_S)
    before = record(server)
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    assert processes.wait_until(lambda: record(server) != before and answers(server), PATIENCE_S)
    assert server.predict(cell).status_code == 200
    assert state.running(server.run_dir) is not None


def test_the_live_figures_of_the_edge_are_those_of_its_versions_and_nothing_else(server: Server, cell: bytes) -> None:
    def live() -> Any:
        return requests.get(f"{server.url}/live", timeout=10).json()

    assert processes.wait_until(lambda: "versions" in live(), PATIENCE_S)
    before = live()["versions"]["2.0"]["requests"]
    for _ in range(3):
        server.predict(cell, "2.0")
    assert processes.wait_until(lambda: live()["versions"]["2.0"]["requests"] == before + 3, PATIENCE_S)
    assert processes.wait_until(lambda: live()["versions"]["2.0"]["p95_ms"], PATIENCE_S)
    shown = live()
    assert shown.keys() == {"model", "window_s", "versions"}
    assert shown["model"] == MODEL
    about = shown["versions"]["2.0"]
    assert (about["weight"], about["wanted_weight"], about["healthy"], about["errors"]) == (10, 10, True, 0)
    assert 0 < about["p50_ms"] <= about["p95_ms"]
    assert about.keys() == {
        *("weight", "wanted_weight", "healthy", "requests", "errors", "requests_per_s", "p50_ms", "p95_ms"),
    }


def test_status_has_a_line_about_the_last_canary(server: Server) -> None:
    assert server.ask("status")["canary"] is None
    plan = Plan("2.0", {"1.0": 100}, (50, 100), 20, 300, 30, 0.1)
    process = Record.of(os.getpid(), session=False)
    canary.Record(plan, "rolled back", 0, "Errors: 2.0 has more.", 1.7e9, process).save(server.run_dir)
    try:
        assert "\ncanary: 2.0 at 0 %, rolled back: Errors: 2.0 has more.\n" in server.verb("status").stdout
    finally:
        (server.run_dir / "canary.json").unlink()


@pytest.mark.operations
def test_a_port_that_is_taken_keeps_no_server_from_starting_and_is_served_once_it_is_free(own_server: Server) -> None:
    """Two servers side by side whose owners know the older variables only."""
    port = own_server.ports["exporter"]
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        started = own_server.verb("start")
        assert started.returncode == 0, started.stderr
        log = own_server.run_dir / "exporter.log"
        assert processes.wait_until(lambda: log.is_file() and "EXPORTER_PORT" in log.read_text(), PATIENCE_S)
        assert f"/metrics does not answer; see {log}" in own_server.verb("status").stdout
    assert processes.wait_until(lambda: answers(own_server), PATIENCE_S)


@pytest.fixture
def shadowed(own_server: Server) -> Iterator[Server]:
    """Return a running server with nine of ten users on 1.0, 2.0 the shadow of all, and its metrics shown elsewhere."""
    monitoring = free_ports(Ports(monitoring=9102))["monitoring"]
    traffic = own_server.traffic.read_text().replace("monitoring_port: null", f"monitoring_port: {monitoring}")
    traffic = traffic.replace('{"1.0": 100}', '{"1.0": 90, "2.0": 10}')
    own_server.traffic.write_text(traffic.replace("shadow: null", 'shadow: {version: "2.0", percent: 100}'))
    started = own_server.verb("start")
    assert started.returncode == 0, started.stderr
    yield own_server


@pytest.mark.operations
def test_weights_shares_and_a_shadow_are_shown_and_a_split_that_is_not_the_weights(
    shadowed: Server, cells: list[bytes]
) -> None:
    """traffic.yaml is edited and nobody applies it: by what it says the split is wrong."""
    assert processes.wait_until(lambda: answers(shadowed), PATIENCE_S)
    for number in range(60):
        answer = shadowed.predict(cells[number % len(cells)], headers={"x-user-id": f"user {number}"})
        assert answer.status_code == 200

    def shown() -> bool:
        compared = [one.value for one in samples(shadowed) if one.name == "release_compared_images"]
        return sum(compared) >= len(cells) and value(shadowed, "release_split_broken") == 0

    assert processes.wait_until(shown, PATIENCE_S, pause_s=0.5), samples(shadowed)
    assert value(shadowed, "release_weight_ratio", version="1.0") == 0.9
    share = value(shadowed, "release_share_ratio", version="1.0", unit="users")
    assert share == pytest.approx(0.9, abs=0.1)
    disagreement = value(shadowed, "release_disagreement_ratio", version="1.0", shadow="2.0")
    assert disagreement is not None
    assert disagreement < 0.2
    shadowed.traffic.write_text(shadowed.traffic.read_text().replace('"1.0": 90, "2.0": 10', '"1.0": 10, "2.0": 90'))
    assert value(shadowed, "release_weight_ratio", version="1.0") == 0.1
    assert processes.wait_until(lambda: value(shadowed, "release_split_broken") == 1, PATIENCE_S, pause_s=0.5)
    monitoring = shadowed.ask("status")["ports"]["monitoring"]
    assert "release_split_broken 1.0" in requests.get(f"http://127.0.0.1:{monitoring}/metrics/release", timeout=10).text
    p_value = value(shadowed, "release_split_mismatch_p_value")
    assert p_value is not None
    assert p_value < 0.001
