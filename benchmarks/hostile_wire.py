"""What no HTTP library sends: requests byte by byte, connections that stall, end early, or do nothing."""

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping

# Longer than the edge's own limits on headers, shorter than on a body.
_ANSWERED_WITHIN_S = 40.0
# Those of which the rest never comes: they get their 408 after `edge.timeout_s`.
WAITING = ("CONNECT", "an expectation of nothing known")


def requests(path: str, image: bytes) -> Mapping[str, bytes]:
    """Return requests that are to be refused or cut off, by what is wrong with them.

    Args:
        path: that predictions are asked for at.
        image: an ordinary one; where one is smuggled in, its answer would be a second one.
    """
    start = f"POST {path} HTTP/1.1\r\nHost: a\r\n".encode()
    last = b"Connection: close\r\n"
    smuggled = start + last + b"Content-Length: 3\r\n\r\nabc"
    octets = last + b"Content-Type: application/octet-stream\r\n"
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
    megabyte = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    length = f"Content-Length: {len(image)}\r\n".encode()
    whole = octets + length + b"\r\n" + image
    return {
        "both length headers": start + chunked + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + smuggled,
        "both, the other way round": start + b"Content-Length: 5\r\n" + chunked + b"\r\n0\r\n\r\n" + smuggled,
        "two lengths": start + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc" + smuggled,
        "two lengths in one": start + b"Content-Length: 3, 5\r\n\r\nabc" + smuggled,
        "a negative length": start + b"Content-Length: -3\r\n\r\nabc" + smuggled,
        "a length with a sign": start + b"Content-Length: +3\r\n\r\nabc" + smuggled,
        "a length in hex": start + b"Content-Length: 0x3\r\n\r\nabc" + smuggled,
        "a length of 30 digits": start + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nabc",
        "an encoding twice": start + chunked + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled,
        "an encoding with a tab": start + b"Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n" + smuggled,
        "an encoding of xchunked": start + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
        "a space before the colon": start + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
        "a chunk of a bad size": start + last + chunked + b"\r\nzz\r\nabc\r\n0\r\n\r\n",
        "a chunk of a negative size": start + last + chunked + b"\r\n-1\r\nabc\r\n0\r\n\r\n",
        "a chunk of a huge size": start + last + chunked + b"\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "a chunk without its end": start + last + chunked + b"\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "chunks over the cap": start + last + chunked + b"\r\n" + megabyte * 17 + b"0\r\n\r\n",
        "a folded header": start + b"X-A: 1\r\n  Content-Length: 3\r\n" + whole,
        "a line feed in a header": start + b"X-A: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
        "a return in a header": start + b"X-A: 1\rTransfer-Encoding: chunked\r\n" + whole,
        "a zero byte in a header": start + b"X-A: 1\0\r\n" + whole,
        "a header without a colon": start + b"nonsense\r\n" + whole,
        "a header without a name": start + b": 1\r\n" + whole,
        "a header with an underscore": start + b"Content_Length: 3\r\n" + whole,
        "10,000 headers": start + b"".join(b"x-%d: 1\r\n" % number for number in range(10_000)) + whole,
        "a header of a megabyte": start + b"X-A: " + b"a" * (1 << 20) + b"\r\n" + whole,
        "a path of a megabyte": b"POST /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "two hosts": start + b"Host: b\r\n" + whole,
        "no host": f"POST {path} HTTP/1.1\r\n".encode() + whole,
        "a path with a line feed": b"POST /a\nb HTTP/1.1\r\nHost: a\r\n\r\n",
        "HTTP/9.9": start.replace(b"1.1", b"9.9") + whole,
        "HTTP/0.9": b"GET /\r\n\r\n",
        "another protocol": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 500,
        "noise": bytes(range(256)) * 40,
        "an upgrade": start + upgrade + whole,
        "an expectation of nothing known": start + b"Expect: 200-ok\r\n" + octets + length + b"\r\n",
        "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n" + last + b"\r\n",
        "a whole address": b"GET http://127.0.0.1:8081/models HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n" + last + b"\r\n",
        "TRACE": f"TRACE {path} HTTP/1.1\r\nHost: a\r\n".encode() + last + b"\r\n",
    }  # fmt: skip


def answer(port: int, request: bytes) -> list[int]:
    """Return the statuses that come back, in order, until the connection ends or nothing more comes.

    An empty list: the connection was closed without one.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=_ANSWERED_WITHIN_S) as connection:
        # A server that refuses early no longer reads.
        with contextlib.suppress(OSError):
            connection.sendall(request)
        with contextlib.suppress(OSError):
            while piece := connection.recv(1 << 16):
                received += piece
    return [int(line[9:12]) for line in received.splitlines() if line.startswith(b"HTTP/1.") and line[9:12].isdigit()]


def aborted(port: int, path: str, image: bytes, share: float) -> None:
    """Send the beginning of an image and hang up, without a goodbye."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: {len(image)}\r\n\r\n".encode()
    )
    connection = socket.create_connection(("127.0.0.1", port), timeout=_ANSWERED_WITHIN_S)
    # The kernel sends a reset where there is something it has not sent.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with contextlib.suppress(OSError):
        connection.sendall(head + image[: int(len(image) * share)])
    connection.close()


@contextlib.contextmanager
def idle(port: int, count: int, said: bytes = b"") -> Iterator[Callable[[], int]]:
    """Hold `count` connections on which nothing but `said` is sent; give what tells how many are still open."""
    connections: list[socket.socket] = []

    def still_open() -> int:
        return sum(_is_open(connection) for connection in connections)

    try:
        for _ in range(count):
            with contextlib.suppress(OSError):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=_ANSWERED_WITHIN_S))
                connections[-1].sendall(said)
                connections[-1].setblocking(False)
        yield still_open
    finally:
        for connection in connections:
            connection.close()


def _is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
