"""The client's own process: connections, one thread, no library.

Prepared bytes go out, and of an answer only the status, the length and `retry-after` are read.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.open_loop import Answer

_READ_BYTES = 65536
# How long answers are waited for after the last request was due.
_ANSWERS_WITHIN_S = 10.0


class Connection:
    """One connection, and the request that is under way on it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.due_s = 0.0
        self.left = memoryview(b"")
        self.got = b""

    def begin(self, request: bytes, due_s: float) -> None:
        """Take a request."""
        self.due_s, self.left, self.got = due_s, memoryview(request), b""

    def send(self) -> bool:
        """Send what goes at once; return whether something is left."""
        if self.left:
            with suppress(BlockingIOError):
                self.left = self.left[self.socket.send(self.left) :]
        return bool(self.left)

    def read(self) -> bytes | None:
        """Return the head of the answer once it is whole.

        Raises:
            OSError: it never will be.
        """
        try:
            piece = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return None
        if not piece:
            raise ConnectionResetError
        self.got += piece
        head, end, body = self.got.partition(b"\r\n\r\n")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return head if end and len(body) >= int(length) else None


class Client:
    """Connections that are kept, and renewed where the server closes them."""

    def __init__(self, url: str, bodies: Sequence[tuple[bytes, str]], connections: int) -> None:
        """Connect.

        Args:
            url: where requests are posted to.
            bodies: what is sent in turn, with its content type.
            connections: how many.
        """
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        self._requests = [
            f"{head}content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
            for body, kind in bodies
        ]
        self._poll = select.epoll()
        self._busy: dict[int, Connection] = {}
        self._free = deque(Connection(self._address) for _ in range(connections))
        self._answers: list[Answer] = []
        self._began_s = 0.0

    def close(self) -> None:
        """End every connection."""
        for connection in [*self._free, *self._busy.values()]:
            connection.socket.close()
        self._poll.close()

    def run(self, total: int, per_s: float, within_s: float) -> tuple[list[Answer], int]:
        """Send so many requests; return the answers, and how many requests got none.

        Args:
            total: requests.
            per_s: in a second, evenly; infinity: each as soon as a connection is free.
            within_s: when to give up.
        """
        number, self._answers = 0, []
        self._began_s = time.perf_counter()
        while (now := time.perf_counter() - self._began_s) < within_s:
            while number < total and number / per_s <= now and self._free:
                self._begin(self._requests[number % len(self._requests)], number / per_s)
                number += 1
            if number == total and not self._busy:
                break
            # With every connection in use, only an answer changes anything.
            wait_s = number / per_s - now if number < total and self._free else 0.1
            for descriptor, event in self._poll.poll(max(wait_s, 0)):
                self._go_on(descriptor, event)
        return self._answers, total - number + len(self._busy)

    def _begin(self, request: bytes, due_s: float) -> None:
        connection = self._free.popleft()
        descriptor = connection.socket.fileno()
        connection.begin(request, due_s)
        self._busy[descriptor] = connection
        try:
            waits = connection.send()
        except OSError:
            waits = False  # what is read next says so, too
        self._poll.register(descriptor, select.EPOLLIN | (select.EPOLLOUT if waits else 0))

    def _go_on(self, descriptor: int, event: int) -> None:
        connection = self._busy[descriptor]
        try:
            head = connection.read() if event & ~select.EPOLLOUT else None
            if head is None:
                if event & select.EPOLLOUT and not connection.send():
                    self._poll.modify(descriptor, select.EPOLLIN)
                return
        except OSError:
            head = b""
        ms = 1e3 * (time.perf_counter() - self._began_s - connection.due_s)
        status = int(head[9:12] or b"0")
        self._answers.append(Answer(connection.due_s, ms, status, b"\r\nretry-after: " in head))
        self._poll.unregister(descriptor)
        del self._busy[descriptor]
        if not head or connection.left or b"connection: close" in head:
            connection.socket.close()
            connection = Connection(self._address)
        self._free.append(connection)


def main() -> None:
    """Print as JSON what became of the load that the command line describes."""
    url, per_s, duration_s, connections = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    client = Client(url, [(Path(name).read_bytes(), "image/jpeg") for name in sys.argv[5:]], connections)
    with closing(client):
        cpu_s, began_s = time.process_time(), time.time()
        answers, unsent = client.run(int(per_s * duration_s), per_s, duration_s + _ANSWERS_WITHIN_S)
    cpu_s = time.process_time() - cpu_s
    rows = [(answer.due_s, answer.ms, answer.status, answer.hinted) for answer in answers]
    print(json.dumps({"answers": rows, "unsent": unsent, "cpu_s": cpu_s, "began_s": began_s}))


if __name__ == "__main__":
    main()
