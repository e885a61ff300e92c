"""Releases under steady load: versions come, get traffic, lose it and go, and no request is lost."""

import time
from collections.abc import Sequence

import pytest

from scripts.serving import processes
from tests.integration.server import Server
from tests.integration.steady import Answer, capacity, failed, steady

pytestmark = pytest.mark.operations

SHARE_OF_CAPACITY = 0.8


def cycle(server: Server) -> None:
    """Take 2.0 through all that can become of a version, from an archive to one that is gone again."""
    assert server.ask("register", "--version", "2.0")["new"] is True
    assert server.ask("split", "1.0=75", "2.0=25")["split"] == {"1.0": 75, "2.0": 25}
    assert server.ask("promote", "--version", "2.0")["split"] == {"1.0": 0, "2.0": 100}
    assert server.ask("rollback")["split"] == {"1.0": 75, "2.0": 25}
    server.ask("split", "1.0=100")
    assert server.ask("retire", "--version", "2.0")["was_there"] is True


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


@pytest.mark.releases
def test_twenty_releases_lose_none_of_twenty_thousand_requests(wide_server: Server, cells: list[bytes]) -> None:
    answers = released(wide_server, cells, cycles=20, at_least=20_000)
    assert failed(answers) == []
    assert len(answers) >= 20_000
