"""What users notice of a shadow: how it is counted, not how much it is."""

import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest

from benchmarks import arrivals, shadow
from benchmarks.shadow import Turn
from scripts.errors import UserError
from tests.http_server import HttpServer, serving

ANSWER_S = 0.1


class _Slow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(ANSWER_S)
        self.send_response(200 if self.path == "/right" else 503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(HttpServer):
    request_queue_size = 2 * arrivals.CALLERS  # All of them connect at once.


def slow_server() -> AbstractContextManager[str]:
    return serving(_Server(("127.0.0.1", 0), _Slow))


def rounds(*p95_ms: tuple[float, float, float]) -> list[list[Turn]]:
    """Return rounds with these 95th percentiles, by percent of copies."""
    return [
        [Turn(percent, 5, ms, 100, percent, 0.1) for percent, ms in zip(shadow.PERCENTS, each, strict=True)]
        for each in p95_ms
    ]


def test_a_request_that_waits_for_a_caller_is_counted_from_the_time_when_it_came() -> None:
    with slow_server() as url:
        ms = arrivals.latencies_ms(f"{url}/right", [b"cell"], [0.0] * (2 * arrivals.CALLERS))
    assert (ms >= 1e3 * ANSWER_S).all()
    assert (ms >= 2e3 * ANSWER_S).sum() >= arrivals.CALLERS


def test_requests_come_in_order_and_as_many_a_second_as_wanted() -> None:
    due_s = arrivals.drawn(200, 50, np.random.default_rng(1))
    assert due_s == sorted(due_s)
    assert 0 <= due_s[0] <= due_s[-1] < 50
    assert len(due_s) == pytest.approx(10_000, abs=500)


def test_an_answer_that_is_an_error_ends_the_measurement() -> None:
    with slow_server() as url, pytest.raises(UserError, match="the edge answered 503"):
        arrivals.latencies_ms(f"{url}/wrong", [b"cell"], [0.0])


def test_a_ratio_is_that_of_the_medians_and_one_bad_round_does_not_decide_it() -> None:
    found = rounds((10, 10, 11), (10, 10, 11), (10, 10, 11), (10, 10, 99), (10, 10, 11))
    ratio, low, high = shadow.ratio(found, 100, lambda turn: turn.p95_ms)
    assert ratio == pytest.approx(1.1)
    assert low <= ratio <= high


@pytest.mark.parametrize(("with_copies", "state"), [(10.1, "met"), (14.0, "missed")])
def test_the_report_says_whether_the_goal_is_met(with_copies: float, state: str) -> None:
    assert f"of at most 1.05: {state}" in shadow.report(30, rounds(*[(10, 10, with_copies)] * 5))


def test_the_report_says_that_nothing_is_decided_where_rounds_contradict_each_other() -> None:
    assert "of at most 1.05: open" in shadow.report(30, rounds((10, 10, 9), (10, 10, 14), (10, 10, 9), (10, 10, 14)))
