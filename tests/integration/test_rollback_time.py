"""How long after `make rollback` is typed requests still meet the bad version."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import pytest

from scripts.serving import processes
from scripts.serving.places import REPOSITORY
from tests.integration.server import VERB_S, Server
from tests.integration.steady import Answer, capacity, failed, steady

ROLLBACKS = 20
IDLE_PER_S = 50
SHARE_OF_CAPACITY = 0.8


@dataclass(frozen=True)
class Rollback:
    """When `make rollback` was typed, when it ended, and until when nothing else was changed."""

    begun_s: float
    ended_s: float
    until_s: float

    def took_s(self, answers: Sequence[Answer]) -> float:
        """Return how long after the command's start the last request was sent that the bad version, 2.0, answered."""
        met = [each.sent_s for each in answers if each.version == "2.0" and self.begun_s <= each.sent_s < self.until_s]
        assert max(met) < self.ended_s
        return max(met) - self.begun_s


def roll_back(server: Server, answers: Callable[[], list[Answer]]) -> Rollback:
    """Give 2.0 everything, and take it back as a person does."""
    server.ask("promote", "--version", "2.0")
    _sent_after(time.monotonic(), answers)
    begun_s = time.monotonic()
    command, environment = ["make", "rollback"], os.environ | server.environment
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=VERB_S, check=False
    )
    ended_s = time.monotonic()
    assert done.returncode == 0, done.stderr
    _sent_after(ended_s, answers)
    return Rollback(begun_s, ended_s, time.monotonic())


def times(server: Server, cells: Sequence[bytes], per_s: float, count: int) -> list[float]:
    """Return how long so many rollbacks took, with so many requests a second, none of which fails."""
    with steady(server, cells, per_s) as answers:
        rollbacks = [roll_back(server, answers) for _ in range(count)]
    assert failed(answers()) == []
    return [rollback.took_s(answers()) for rollback in rollbacks]


def said(per_s: float, took_s: Sequence[float]) -> str:
    """Return the figures in a line."""
    return (
        f"\n{len(took_s)} rollbacks at {per_s:.0f} requests/s: no new request met the bad version after "
        f"{median(took_s):.2f} s in the median, {max(took_s):.2f} s at the worst"
    )


def _sent_after(moment_s: float, answers: Callable[[], list[Answer]]) -> None:
    assert processes.wait_until(lambda: any(answer.sent_s > moment_s for answer in answers()), 30)


@pytest.fixture
def two_versions(wide_server: Server) -> Server:
    """Return a running server with 2.0 ready beside 1.0, two workers each."""
    wide_server.ask("register", "--version", "2.0")
    return wide_server


@pytest.mark.operations
def test_after_a_rollback_no_request_meets_the_bad_version(two_versions: Server, cells: list[bytes]) -> None:
    assert times(two_versions, cells, 100, count=1)[0] > 0


@pytest.mark.releases
def test_twenty_rollbacks_of_a_nearly_idle_server(two_versions: Server, cells: list[bytes]) -> None:
    print(said(IDLE_PER_S, times(two_versions, cells, IDLE_PER_S, ROLLBACKS)))


@pytest.mark.releases
def test_twenty_rollbacks_at_four_fifths_of_the_capacity(two_versions: Server, cells: list[bytes]) -> None:
    per_s = SHARE_OF_CAPACITY * capacity(two_versions, cells, 4)
    print(said(per_s, times(two_versions, cells, per_s, ROLLBACKS)))
