"""Releases under steady load: versions come, get traffic, lose it and go, and no request is lost."""

import http
import time
from collections.abc import Callable, Sequence

import pytest

from scripts.serving import processes
from tests.integration.server import Server
from tests.integration.steady import Answer, capacity, failed, steady

pytestmark = pytest.mark.operations

SHARE_OF_CAPACITY = 0.8


@pytest.fixture
def wide_server(own_server: Server) -> Server:
    """Return a running server with two workers of either version: one alone would leave the second core idle."""
    own_server.config.write_text(
        own_server.config.read_text().replace('"minWorkers": 1, "maxWorkers": 1', '"minWorkers": 2, "maxWorkers": 2')
    )
    own_server.verb("start")
    return own_server


def cycle(server: Server) -> None:
    """Take 2.0 through all that can become of a version, from an archive to one that is gone again."""
    assert server.ask("register", "--version", "2.0")["new"] is True
    assert server.ask("split", "1.0=75", "2.0=25")["split"] == {"1.0": 75, "2.0": 25}
    assert server.ask("promote", "--version", "2.0")["split"] == {"1.0": 0, "2.0": 100}
    assert server.ask("rollback")["split"] == {"1.0": 75, "2.0": 25}
    server.ask("split", "1.0=100")
    assert server.ask("retire", "--version", "2.0")["was_there"] is True


def rollback_s(server: Server, answers: Callable[[], list[Answer]]) -> float:
    """Return how long after the command's start the last request was sent that the bad version, 2.0, answered."""
    server.ask("promote", "--version", "2.0")
    time.sleep(1)
    begun_s = time.monotonic()
    assert server.ask("rollback")["split"] == {"1.0": 100, "2.0": 0}
    ended_s = time.monotonic()
    assert processes.wait_until(lambda: any(answer.sent_s > ended_s for answer in answers()), 30)
    met = [answer.sent_s for answer in answers() if answer.version == "2.0"]
    assert max(met) < ended_s
    return max(met) - begun_s


def released(server: Server, images: Sequence[bytes], cycles: int, at_least: int) -> list[Answer]:
    """Return what callers got at 80 % of the capacity during so many cycles, and until they were so many."""
    rate = SHARE_OF_CAPACITY * capacity(server, images, 4)
    with steady(server, images, rate) as answers:
        begun_s = time.monotonic()
        for _ in range(cycles):
            cycle(server)
        took_s = time.monotonic() - begun_s
        processes.wait_until(lambda: len(answers()) >= at_least, 600, pause_s=0.5)
        all_of_them = answers()
    print(f"\n{cycles} cycles in {took_s:.0f} s; {len(all_of_them)} requests at {rate:.0f}/s, {_versions(all_of_them)}")
    return all_of_them


def _versions(answers: Sequence[Answer]) -> str:
    counts = {version: sum(answer.version == version for answer in answers) for version in ("1.0", "2.0")}
    return ", ".join(f"{count} by {version}" for version, count in counts.items())


def test_two_releases_at_four_fifths_of_the_capacity_lose_nothing(wide_server: Server, cells: list[bytes]) -> None:
    answers = released(wide_server, cells, cycles=2, at_least=500)
    assert failed(answers) == []
    assert {answer.version for answer in answers} == {"1.0", "2.0"}


def test_after_a_rollback_no_request_meets_the_bad_version(own_server: Server, cells: list[bytes]) -> None:
    own_server.verb("start")
    own_server.ask("register", "--version", "2.0")
    with steady(own_server, cells, 100) as answers:
        assert rollback_s(own_server, answers) > 0
    assert {answer.status for answer in answers()} == {http.HTTPStatus.OK}


@pytest.mark.releases
def test_twenty_releases_lose_none_of_twenty_thousand_requests(wide_server: Server, cells: list[bytes]) -> None:
    answers = released(wide_server, cells, cycles=20, at_least=20_000)
    assert failed(answers) == []
    assert len(answers) >= 20_000
    wide_server.ask("register", "--version", "2.0")
    with steady(wide_server, cells, SHARE_OF_CAPACITY * capacity(wide_server, cells, 4)) as now:
        took_s = sorted(rollback_s(wide_server, now) for _ in range(5))
    assert failed(now()) == []
    print(f"rollback: no new request met the bad version after {', '.join(f'{each:.2f}' for each in took_s)} s")
