"""A client whose requests come when they come: each at its own time, whatever became of those before it."""

import http.client
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from scripts.errors import UserError

# Far more than are under way at once at the loads that this is for.
CALLERS = 16
_ANSWER_WITHIN_S = 20


def drawn(per_s: float, duration_s: float, random: np.random.Generator) -> list[float]:
    """Return when requests come, s from the beginning, in order: each independently of the others (Poisson)."""
    return sorted(random.uniform(0, duration_s, random.poisson(per_s * duration_s)).tolist())


def latencies_ms(url: str, images: Sequence[bytes], due_s: Sequence[float]) -> NDArray[np.float64]:
    """Send a request at each of the times; return how long after its time each was answered.

    The time that a request waits for a free caller counts: somebody waits for it.

    Raises:
        UserError: an answer is no 200, or none comes.
    """
    found = np.zeros(len(due_s))
    numbers = iter(range(len(due_s)))
    taking = threading.Lock()
    begin_s = time.perf_counter() + 0.1

    def caller() -> None:
        parts = urlsplit(url)
        with closing(http.client.HTTPConnection(parts.netloc, timeout=_ANSWER_WITHIN_S)) as connection:
            while True:
                with taking:
                    number = next(numbers, None)
                if number is None:
                    return
                time.sleep(max(begin_s + due_s[number] - time.perf_counter(), 0))
                _ask(connection, parts.path, images[number % len(images)])
                found[number] = 1e3 * (time.perf_counter() - begin_s - due_s[number])

    with ThreadPoolExecutor(CALLERS) as pool:
        for done in [pool.submit(caller) for _ in range(CALLERS)]:
            done.result()
    return found


def _ask(connection: http.client.HTTPConnection, path: str, image: bytes) -> None:
    try:
        connection.request("POST", path, image, {"content-type": "application/octet-stream"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise UserError(f"the edge gave no answer ({type(error).__name__}).") from error
    if answer.status != http.HTTPStatus.OK:
        raise UserError(f"the edge answered {answer.status}: {body[:300]!r}")
