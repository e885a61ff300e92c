"""A client at a fixed rate, and what is said of an overload and of a soak: how it is counted, not how much it is."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler

import psutil
import pytest

from benchmarks.open_loop import Answer, Answers
from benchmarks.open_loop_client import Client
from benchmarks.overload_report import Overload
from benchmarks.soak_report import Seen, Soak
from tests.http_server import HttpServer, serving


class _Answering(BaseHTTPRequestHandler):
    """Says what a body asks for: a status, or to hang up."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).strip(b"x")
        if body == b"hang up":
            self.close_connection = True
            return
        self.send_response(int(body))
        self.send_header("content-length", "2")
        if body == b"503":
            self.send_header("retry-after", "1")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


@contextmanager
def connected(bodies: Sequence[tuple[bytes, str]]) -> Iterator[Client]:
    server = HttpServer(("127.0.0.1", 0), _Answering)
    with serving(server) as url, closing(Client(f"{url}/predictions", bodies, connections=3)) as client:
        yield client


@pytest.mark.parametrize("per_s", [400.0, math.inf])
def test_each_request_has_its_answer_whatever_became_of_the_others(per_s: float) -> None:
    # The long ones don't fit into a socket's buffer at once.
    bodies = [(body.ljust(size, b"x"), "image/png") for body in (b"200", b"503", b"hang up") for size in (9, 5_000_000)]
    with connected(bodies) as client:
        answers, unanswered = client.run(60, per_s, within_s=60)
    assert Counter((answer.status, answer.hinted) for answer in answers) == {
        (200, False): 20,
        (503, True): 20,
        (0, False): 20,
    }
    assert unanswered == 0


def test_an_answer_that_does_not_come_in_time_is_counted() -> None:
    with connected([(b"200", "image/png")]) as client:
        assert client.run(5, math.inf, within_s=0) == ([], 5)


def calm(began_s: float, ms: float = 20.0) -> Answers:
    """Return ten seconds of a load that is answered."""
    return Answers([Answer(number / 20, ms, 200, False) for number in range(200)], 0, 0.1, began_s)


def run(accepted: int = 950, refused: Answer = Answer(1, 5, 503, True), after: Answers | None = None) -> Overload:  # noqa: B008  (frozen)
    """Return ten seconds at a peak of 100, that were at full speed but for what is said."""
    answers = [Answer(1, 400, 200, False)] * accepted + [refused] * 9000
    load = Answers(answers, unsent=0, cpu_s=1.0, began_s=1000.0)
    return Overload(10, 10, 100, 100, 100, {}, calm(990.0), load, after or calm(1010.5))


def missed(found: Overload) -> list[str]:
    return [goal.wanted.split(",")[0].split(" /")[0] for goal in found.goals() if not goal.met]


def test_an_overload_that_costs_nothing_meets_every_goal() -> None:
    assert missed(run()) == []


@pytest.mark.parametrize(
    ("found", "goals"),
    [
        (run(accepted=890), ["accepted"]),
        (run(refused=Answer(1, 51, 503, True)), ["refused"]),
        (run(refused=Answer(1, 5, 503, False)), ["refusals without Retry-After"]),
        (run(refused=Answer(1, 5, 500, True)), ["anything but 200"]),
        # Nobody looked sooner.
        (run(after=calm(1016.0)), ["normal within 5 s"]),
        (run(after=calm(1010.5, ms=51.0)), ["normal within 5 s"]),
    ],
)
def test_each_goal_can_be_missed(found: Overload, goals: list[str]) -> None:
    assert missed(found) == goals


def test_it_is_normal_after_the_last_half_second_that_was_not() -> None:
    answers = [Answer(number / 20, 20.0, 503 if number == 25 else 200, False) for number in range(200)]
    found = run(after=Answers(answers, 0, 0.1, began_s=1010.5))
    # The overload ended at 1010; the refusal was due at 1010.5 + 1.25, in the half second that ended at 1012.
    assert found.normal_after_s() == pytest.approx(2.0)


def test_a_slope_is_of_what_came_after_the_warm_up() -> None:
    rows = [(9.0, 50.0, 5.0)] * 20 + [(200 + 0.11 * look, 50.0, 5.0 + 5 * (look == 40)) for look in range(80)]
    found = Soak(100_000, Counter({200: 90_000, 415: 9_999, 0: 1}), {"worker": Seen(psutil.Process(), rows)})
    assert found.slopes("worker")["MB"] == pytest.approx(1.1)
    assert (found.leaks(), found.failures()) == (["worker: MB"], 1)
