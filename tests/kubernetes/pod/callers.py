"""Callers of a pod: some that post one cell after another, and one whose body takes its time."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from tests.integration.server import MODEL
from tests.kubernetes.pod.kubelet import ADDRESS, Kubelet

PATH = f"/predictions/{MODEL}"
IMAGE = {"content-type": "image/png"}


@dataclass(frozen=True)
class Answer:
    """What one call came to.

    Attributes:
        at_s: when, by time.monotonic().
        status: 0 where there was none.
        text: the body, or why there is none.
    """

    at_s: float
    status: int
    text: str


@contextmanager
def posting(pod: Kubelet, cell: bytes, callers: int = 4) -> Iterator[list[Answer]]:
    """Post cells from so many threads, each on a connection that it keeps, until the block ends; give the answers."""
    over = threading.Event()
    answers: list[Answer] = []

    def caller() -> None:
        with requests.Session() as session:
            while not over.is_set():
                answers.append(_post(session, pod, cell))

    with ThreadPoolExecutor(callers) as pool:
        running = [pool.submit(caller) for _ in range(callers)]
        try:
            yield answers
        finally:
            over.set()
        for each in running:
            each.result()


class Slow:
    """A request whose head and first bytes are sent, and the rest when asked to."""

    def __init__(self, pod: Kubelet, cell: bytes) -> None:
        """Begin it."""
        self._rest = cell[100:]
        self._socket = socket.create_connection((ADDRESS, pod.ports["edge"]), timeout=60)
        head = f"POST {PATH} HTTP/1.1\r\nhost: edge\r\ncontent-type: image/png\r\ncontent-length: {len(cell)}\r\n\r\n"
        self._socket.sendall(head.encode() + cell[:100])

    def finish(self) -> str:
        """Send the rest, and return the answer up to where the connection is closed."""
        with self._socket:
            self._socket.sendall(self._rest)
            return b"".join(iter(lambda: self._socket.recv(1 << 16), b"")).decode()


def _post(session: requests.Session, pod: Kubelet, cell: bytes) -> Answer:
    try:
        answer = session.post(pod.url + PATH, data=cell, headers=IMAGE, timeout=60)
        return Answer(time.monotonic(), answer.status_code, answer.text)
    except requests.RequestException as error:
        return Answer(time.monotonic(), 0, str(error))
