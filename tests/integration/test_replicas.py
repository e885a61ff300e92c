"""Two whole servers behind a front, under load: what is killed or stopped of one of them costs nobody an answer."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import requests

from scripts.serving import processes
from scripts.serving.envoy_admin import Admin, Behind
from tests.integration.server import MODEL, Server
from tests.integration.steady import Answer, failed, steady

pytestmark = pytest.mark.faults

PER_S = 20
"""Below what two cores answer: a server that starts takes one of them for seconds."""
WITHIN_S = 90
UNDER_WAY = 3
"""Requests that what is killed has at that moment, at least."""


@dataclass(frozen=True)
class Replicated:
    """A front and its hosts; all of them run."""

    front: Server
    hosts: tuple[Server, Server]

    def behind(self) -> list[Behind]:
        return Admin(self.front.ports["admin"]).replicas()

    def retries(self) -> int:
        return Admin(self.front.ports["admin"]).retries()[0]

    def wait_healthy(self) -> None:
        assert becomes(lambda: all(each.healthy and not each.ejected for each in self.behind()))


def becomes(condition: Callable[[], bool]) -> bool:
    return processes.wait_until(condition, WITHIN_S)


@pytest.fixture(scope="module")
def replicated(short_folder: Path, model_store: Path) -> Iterator[Replicated]:
    hosts = []
    for number, address in enumerate(("127.0.0.2", "127.0.0.3")):
        folder = short_folder / f"host{number}"
        folder.mkdir()
        host = Server.prepare(folder, '"1.0": 50, "2.0": 50', model_store)
        hosts.append(replace(host, environment={**host.environment, "EDGE_ADDRESS": address}))
    folder = short_folder / "front"
    folder.mkdir()
    front = Server.prepare(folder, '"1.0": 50, "2.0": 50', model_store)
    named = [f"{{address: {host.environment['EDGE_ADDRESS']}, port: {host.ports['edge']}}}" for host in hosts]
    wanted = front.traffic.read_text()
    assert "\nreplicas: null\n" in wanted
    front.traffic.write_text(wanted.replace("\nreplicas: null\n", f"\nreplicas: [{', '.join(named)}]\n"))
    every = [*hosts, front]
    try:
        with ThreadPoolExecutor() as pool:
            for started in pool.map(lambda host: host.verb("start"), hosts):
                assert started.returncode == 0, started.stderr
        started = front.verb("start", "--front")
        assert started.returncode == 0, started.stderr
        found = Replicated(front, (hosts[0], hosts[1]))
        found.wait_healthy()
        yield found
    finally:
        for server in reversed(every):
            server.verb("stop")
    assert [process for server in every for process in server.processes()] == []


def worker(host: Server) -> psutil.Process:
    return next(process for process in host.processes() if "model_service_worker.py" in " ".join(process.cmdline()))


def torchserve(host: Server) -> psutil.Process:
    return next(process for process in host.processes() if process.name() == "java")


def envoy(host: Server) -> psutil.Process:
    return next(process for process in host.processes() if process.name() == "envoy")


def lost(answers: list[Answer]) -> list[Answer]:
    assert len(answers) > 2 * PER_S
    return failed(answers)


@pytest.mark.parametrize("victim", [worker, torchserve, envoy])
def test_not_one_request_is_lost_when_a_part_of_one_replica_is_killed(
    replicated: Replicated, cell: bytes, victim: Callable[[Server], psutil.Process]
) -> None:
    replicated.wait_healthy()
    sent_again = replicated.retries()
    with steady(replicated.front, [cell], PER_S) as answers:
        assert becomes(lambda: len(answers()) > PER_S)
        process = victim(replicated.hosts[0])
        # So that it has some to lose.
        process.suspend()
        assert becomes(lambda: replicated.behind()[0].active >= UNDER_WAY)
        process.kill()
        killed = len(answers())
        assert becomes(lambda: len(answers()) > killed + PER_S)
        replicated.wait_healthy()
        back = len(answers())
        assert becomes(lambda: len(answers()) > back + PER_S)
    assert lost(answers()) == []
    assert replicated.retries() > sent_again


def test_a_user_meets_the_same_version_on_every_replica(replicated: Replicated, cell: bytes) -> None:
    replicated.wait_healthy()
    url, versions, ids = f"{replicated.front.url}/predictions/{MODEL}", defaultdict(set), {}
    for number in range(24):
        with requests.Session() as browser:  # every other one with a cookie instead of the header
            for turn in range(4):
                name = f"{number}-{turn}"
                headers = {"content-type": "image/png", "x-request-id": name}
                headers |= {"x-user-id": f"user {number}"} if number % 2 else {}
                got = browser.post(url, data=cell, headers=headers, timeout=60)
                assert got.status_code == 200
                versions[number].add(got.headers["x-model-version"])
                ids[name] = number
    assert {len(met) for met in versions.values()} == {1}
    assert {version for met in versions.values() for version in met} == {"1.0", "2.0"}
    assert max(len(hosts) for hosts in replicas_of(replicated.front, ids).values()) == 2


def replicas_of(front: Server, users: dict[str, int]) -> dict[int, set[str]]:
    """Return, by user, the replicas that answered, from the front's log once every request is in it."""
    log = front.run_dir / "access.log"
    met: dict[int, set[str]] = defaultdict(set)

    def lines() -> list[dict[str, str]]:
        found = [json.loads(line) for line in log.read_text().splitlines()]
        return [line for line in found if line["request_id"] in users]

    assert becomes(lambda: len(lines()) == len(users))
    for line in lines():
        met[users[line["request_id"]]].add(line["replica"])
    return met


def test_not_one_request_is_lost_when_a_replica_is_stopped(replicated: Replicated, cell: bytes) -> None:
    replicated.wait_healthy()
    with steady(replicated.front, [cell], PER_S) as answers:
        assert becomes(lambda: len(answers()) > PER_S)
        assert replicated.hosts[1].verb("stop").returncode == 0
        stopped = len(answers())
        assert becomes(lambda: len(answers()) > stopped + PER_S)
    assert lost(answers()) == []
