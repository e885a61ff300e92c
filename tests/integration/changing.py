"""Callers for a server that is being changed, and settings that keep its batches waiting."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.integration.server import Server


@contextmanager
def load(server: Server, cell: bytes, version: str | None = None) -> Iterator[Callable[[], Counter[tuple[int, str]]]]:
    """Send requests from four threads until the block ends; the yielded call counts (status, version) so far."""
    over = threading.Event()
    answers: list[tuple[int, str]] = []

    def caller() -> None:
        while not over.is_set():
            answer = server.predict(cell, version)
            answers.append((answer.status_code, answer.headers.get("x-model-version", "")))

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(caller) for _ in range(4)]
        try:
            yield lambda: Counter(answers)
        finally:
            over.set()
        for each in callers:
            each.result()


def patient(config: str, delay_ms: int, version: str = "2.0") -> str:
    """Return a configuration in which a version waits for its batches to fill."""
    entry = re.compile(rf'("{re.escape(version)}": \{{[^}}]*"maxBatchDelay": )\d+')
    waits, changed = entry.subn(rf"\g<1>{delay_ms}", config)
    assert changed == 1
    return waits
