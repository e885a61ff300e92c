"""When the same question is asked again, and until when at all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mobilenet_v3_client.errors import DeadlineExceeded, MobileNetV3Error, TryLater

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Deadline:
    """A point in time by the monotonic clock; `infinity` is never."""

    at_s: float

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """Return the one that is so many seconds from now; None: never."""
        return cls(float("inf") if seconds is None else time.monotonic() + seconds)

    def left_s(self) -> float:
        """Return the seconds until then; negative: it has passed."""
        return self.at_s - time.monotonic()


@dataclass(frozen=True)
class Retries:
    """How often and how soon a question is asked again that the server could not take, or whose answer was lost.

    A prediction changes nothing at the server, so asking twice is safe, also where the first one may have been
    answered. Asked again is after 429 and 503, and after a connection that was refused or broke; not after a time-out,
    for whoever is too slow already would only get more to do.

    Attributes:
        tries: of one question in all; 1: it is never asked again.
        first_s: bound of the first random wait; the next one's is twice as long, and so on
            (full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
        longest_s: bound of every wait; what the server asks for with Retry-After comes before it.
    """

    tries: int = 5
    first_s: float = 0.1
    longest_s: float = 5.0

    def wait_s(self, tried: int, error: MobileNetV3Error) -> float:
        """Return how long to wait after `tried` tries, of which the last one ended with `error`."""
        asked_s = (error.retry_after_s or 0.0) if isinstance(error, TryLater) else 0.0
        return asked_s + random.uniform(0, min(self.longest_s, self.first_s * 2 ** (tried - 1)))

    def call(self, ask: Callable[[float], Answer], deadline: Deadline) -> tuple[Answer, int]:
        """Return what `ask` returns, and how often it was called.

        Args:
            ask: is told how many seconds are left.
            deadline: of all tries and waits together. No wait is begun that would go beyond it.

        Raises:
            MobileNetV3Error: the last one of `ask`.
        """
        tried = 0
        while True:
            left_s = deadline.left_s()
            if left_s <= 0:
                raise DeadlineExceeded(f"the time for it was up after {tried} tries.")
            tried += 1
            try:
                return ask(left_s), tried
            except MobileNetV3Error as error:
                if not error.again or tried >= self.tries:
                    raise
                wait_s = self.wait_s(tried, error)
                if wait_s >= deadline.left_s():
                    raise
            time.sleep(wait_s)
