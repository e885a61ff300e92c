"""Servers and workers that are killed: they come back by themselves, and what can't is taken out or named."""

import itertools
import os
import signal
from collections.abc import Callable

import pytest
import requests

from scripts.locks import hold
from scripts.serving import processes, state, traffic
from scripts.serving.edge import Edge
from scripts.serving.places import Ports
from tests.integration.server import MODEL, Server

WITHIN_S = 60


def pid_of(server: Server, name: str) -> int:
    now = state.load(server.run_dir)
    assert now is not None
    return now.servers[name].pid


def answers(server: Server, cell: bytes, version: str | None = None) -> bool:
    try:
        return server.predict(cell, version).status_code == 200
    except requests.ConnectionError:
        return False


def worker_of(server: Server, version: str) -> int:
    [described] = requests.get(f"{server.management_url}/models/{MODEL}/{version}", timeout=10).json()
    [worker] = described["workers"]
    return int(worker["pid"]) if worker["status"] == "READY" else -1


def split(server: Server) -> dict[str, int]:
    return dict(Edge(server.run_dir, Ports(**server.ports), MODEL).split())


def until_changed(server: Server) -> None:
    """Return when the supervisor, whose first change is the split, has made all of them."""
    hold(server.run_dir / "change.lock", "the supervisor is still at work", WITHIN_S).close()


@pytest.mark.faults
def test_a_server_that_is_killed_is_back_with_all_that_it_had_and_nobody_has_to_act(
    own_server: Server, cell: bytes
) -> None:
    """2.0 is registered, though traffic.yaml does not name it, and the file is being edited just then."""
    assert own_server.verb("start").returncode == 0
    own_server.ask("register", "--version", "2.0")
    for name in ("envoy", "torchserve"):
        killed = pid_of(own_server, name)
        text = own_server.traffic.read_text()
        own_server.traffic.write_text(text.replace("split:", "split"))
        os.kill(killed, signal.SIGKILL)
        assert processes.wait_until(lambda killed=killed, name=name: pid_of(own_server, name) != killed, WITHIN_S)
        assert processes.wait_until(lambda: answers(own_server, cell) and answers(own_server, cell, "2.0"), WITHIN_S)
        own_server.traffic.write_text(text)
    said = (own_server.run_dir / "supervisor.log").read_text()
    assert "envoy was killed by SIGKILL and is started again" in said
    assert "torchserve was killed by SIGKILL and is started again" in said
    assert processes.wait_until(lambda: own_server.ask("status")["healthz"] == 200, WITHIN_S)
    assert own_server.ask("stop") == {"was_running": True, "left_behind": []}
    assert own_server.processes() == []


@pytest.mark.faults
@pytest.mark.parametrize(("name", "status"), [("torchserve", 3), ("envoy", 4)])
def test_a_server_that_dies_again_and_again_stops_everything_and_is_named(
    own_server: Server, name: str, status: int
) -> None:
    with own_server.spawn("serve") as serve:
        assert processes.wait_until(lambda: _serving(own_server), WITHIN_S)
        killed = []
        while serve.poll() is None:
            now = state.load(own_server.run_dir)
            pid = now.servers[name].pid if now else None
            if pid is not None and pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        _, errors = serve.communicate(timeout=60)
    assert len(killed) == 6
    assert serve.returncode == status
    assert f"{name} was killed by SIGKILL, for the 6th time within 300 s, so everything was stopped" in errors
    assert processes.wait_until(lambda: not own_server.processes(), WITHIN_S)


@pytest.mark.faults
@pytest.mark.usefixtures("left_as_it_was")
def test_a_version_whose_workers_end_again_and_again_is_out_of_the_split_until_they_stay(
    server: Server, cell: bytes
) -> None:
    wanted = {"1.0": 90, "2.0": 10}
    before = -1
    for _ in range(3):
        assert processes.wait_until(lambda before=before: worker_of(server, "2.0") not in (before, -1), WITHIN_S)
        before = worker_of(server, "2.0")
        os.kill(before, signal.SIGKILL)
    assert processes.wait_until(lambda: split(server) == {"1.0": 100}, WITHIN_S)
    until_changed(server)
    assert traffic.read(server.traffic).split == wanted
    assert {server.predict(cell).headers["x-model-version"] for _ in range(30)} == {"1.0"}
    assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
    seen = server.ask("status")["versions"]["2.0"]
    assert (seen["weight"], seen["effective_weight"]) == (10, 0)
    assert seen["ejected"]["reason"] == "its workers ended 3 times within 60 s"
    assert "version 2.0 is out of the split" in (server.run_dir / "supervisor.log").read_text()
    # What an operator sets meanwhile is written down, and the version stays out.
    server.ask("split", "1.0=95", "2.0=5")
    assert (traffic.read(server.traffic).split, split(server)) == ({"1.0": 95, "2.0": 5}, {"1.0": 100})
    refused = server.verb("promote", "--version", "2.0")
    assert refused.returncode == 1
    assert "version 2.0 is out of the split, for its workers ended 3 times within 60 s" in refused.stderr
    assert processes.wait_until(lambda: worker_of(server, "2.0") != -1, WITHIN_S)
    assert "2.0 is back in the split" in server.ask("apply")["done"]
    assert split(server) == {"1.0": 95, "2.0": 5}
    # What it did before is not held against it again.
    assert not processes.wait_until(lambda: split(server) != {"1.0": 95, "2.0": 5}, 4)


@pytest.mark.faults
def test_an_archive_that_was_changed_meanwhile_is_not_registered_again_and_the_others_have_its_traffic(
    own_server: Server, cell: bytes, broken_archive: Callable[[str, str], None]
) -> None:
    broken_archive("6.6", "pass")
    own_server.traffic.write_text(own_server.traffic.read_text().replace('{"1.0": 100}', '{"1.0": 50, "6.6": 50}'))
    assert own_server.verb("start").returncode == 0
    archive = next(path for path in own_server.store.iterdir() if path.name == f"{MODEL}-6.6.mar")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    os.kill(pid_of(own_server, "torchserve"), signal.SIGKILL)
    assert processes.wait_until(lambda: split(own_server) == {"1.0": 100}, WITHIN_S)
    until_changed(own_server)
    assert processes.wait_until(lambda: answers(own_server, cell), WITHIN_S)
    assert all(answers(own_server, cell) for _ in itertools.repeat(None, 10))
    assert "version 6.6 is not registered again" in (own_server.run_dir / "supervisor.log").read_text()


def _serving(server: Server) -> bool:
    now = state.load(server.run_dir)
    return now is not None and now.phase == "serving"
