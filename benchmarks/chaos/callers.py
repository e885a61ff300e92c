"""Callers who send so many requests a second, and ask again where they are told to, as a well-behaved client does."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import requests
from requests.adapters import HTTPAdapter

PER_S = 30.0
# As many as are waiting when nobody answers for ten seconds.
_CALLERS = 300
_PATIENCE_S = 30.0
_ANSWER_WITHIN_S = 35.0
# Where no Retry-After says when.
_AGAIN_S = 0.25


@dataclass(frozen=True)
class Request:
    """One request of a valid image, from its first try to its end.

    Attributes:
        sent_s: its first try, by the clock that only goes forward.
        tries: how often it was sent.
        failures: what came of the tries that failed: a status, or an error's name.
        failed_s: when the last of them did; 0 where none did.
        lost: whether it has no answer after thirty seconds of asking.
    """

    sent_s: float
    tries: int
    failures: tuple[str, ...]
    failed_s: float
    lost: bool


@dataclass
class Callers:
    """Those who call.

    Attributes:
        url: of the predictions.
        images: valid ones.
    """

    url: str
    images: Sequence[bytes]
    _done: list[Request] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Send requests for the length of a block; at its end each has come to its own."""
        numbers, begin_s = itertools.count(), time.monotonic()

        # One pool: whoever is next takes the connection that was used last, if the other side has not closed it.
        session = requests.Session()
        session.mount("http://", HTTPAdapter(pool_maxsize=_CALLERS))

        def caller() -> None:
            while True:
                number = next(numbers)
                if self._over.wait(max(begin_s + number / PER_S - time.monotonic(), 0)):
                    return
                self._done.append(self._request(session, self.images[number % len(self.images)]))

        with session, ThreadPoolExecutor(_CALLERS) as pool:
            running = [pool.submit(caller) for _ in range(_CALLERS)]
            try:
                yield
            finally:
                self._over.set()
            for each in running:
                each.result()

    def quiet(self, seconds: float) -> bool:
        """Return whether for so long everybody was answered at his first try, at no less than half the rate."""
        now_s = time.monotonic()
        recent = self.since(now_s - seconds)
        return len(recent) >= PER_S * seconds / 2 and not any(request.failures for request in recent)

    def since(self, begin_s: float) -> list[Request]:
        """Return the requests that were first sent since then and have ended."""
        return [request for request in list(self._done) if request.sent_s >= begin_s]

    def _request(self, session: requests.Session, image: bytes) -> Request:
        sent_s, failed_s, failures = time.monotonic(), 0.0, []
        while True:
            failure, again_s = _once(session, self.url, image)
            if not failure:
                return Request(sent_s, len(failures) + 1, tuple(failures), failed_s, lost=False)
            failures.append(failure)
            failed_s = time.monotonic()
            if failed_s - sent_s > _PATIENCE_S:
                return Request(sent_s, len(failures), tuple(failures), failed_s, lost=True)
            time.sleep(again_s)


def _once(session: requests.Session, url: str, image: bytes) -> tuple[str, float]:
    """Return what is wrong with the answer, empty if nothing is, and after how many seconds to ask again."""
    try:
        answer = session.post(url, data=image, headers={"content-type": "image/png"}, timeout=_ANSWER_WITHIN_S)
    except requests.RequestException as error:
        return type(error).__name__, _AGAIN_S
    if answer.status_code == HTTPStatus.OK:
        return "", 0.0
    return str(answer.status_code), float(answer.headers.get("retry-after", _AGAIN_S))
