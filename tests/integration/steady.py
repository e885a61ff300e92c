"""Callers who send so many requests a second, whatever happens, and what they got."""

import contextlib
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tests.integration.server import MODEL, Server

CALLERS = 32
"""Fewer than TorchServe's queue holds: a starting worker takes a core for seconds, and what is late then waits here."""
_ANSWER_WITHIN_S = 60


@dataclass(frozen=True)
class Answer:
    """One request's end.

    Attributes:
        sent_s: of the clock that only goes forward.
        status: of HTTP; 0: none came.
        version: that answered.
        words: the beginning of an answer that is no 200, or of the error.
    """

    sent_s: float
    status: int
    version: str
    words: str = ""


@contextmanager
def steady(server: Server, images: Sequence[bytes], per_s: float) -> Iterator[Callable[[], list[Answer]]]:
    """Send `per_s` requests a second until the block ends; the yielded call returns the answers so far.

    One that is due while every caller waits for an answer is sent as soon as one is free: none is left out.
    """
    over = threading.Event()
    answers: list[Answer] = []
    numbers = itertools.count()
    begin_s = time.monotonic()

    def caller() -> None:
        with contextlib.closing(_connection(server)) as connection:
            while not over.is_set():
                number = next(numbers)
                if over.wait(max(begin_s + number / per_s - time.monotonic(), 0)):
                    return
                answers.append(_ask(connection, images[number % len(images)]))

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(caller) for _ in range(CALLERS)]
        try:
            yield lambda: list(answers)
        finally:
            over.set()
        for each in callers:
            each.result()


def capacity(server: Server, images: Sequence[bytes], seconds: float) -> float:
    """Return how many requests a second are answered when every caller sends as fast as it can."""
    with steady(server, images, per_s=1e6) as answers:
        time.sleep(seconds / 2)
        before = len(answers())
        time.sleep(seconds)
        return (len(answers()) - before) / seconds


def failed(answers: Sequence[Answer]) -> list[Answer]:
    """Return those that are no answer."""
    return [answer for answer in answers if answer.status != http.HTTPStatus.OK]


def _ask(connection: http.client.HTTPConnection, image: bytes) -> Answer:
    sent_s = time.monotonic()
    try:
        connection.request("POST", f"/predictions/{MODEL}", image, {"content-type": "image/png"})
        got = connection.getresponse()
        body = got.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # the next request opens it again
        return Answer(sent_s, 0, "", repr(error))
    words = "" if got.status == http.HTTPStatus.OK else body[:200].decode(errors="replace")
    return Answer(sent_s, got.status, got.headers.get("x-model-version", ""), words)


def _connection(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.ports["edge"], timeout=_ANSWER_WITHIN_S)
