"""A small HTTP server of a test's own."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answering(BaseHTTPRequestHandler):
    """What every stub of a server has in common; a kind of its own says what it answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Head and body in one packet; by two, the second waits 40 ms for the first one's acknowledgement.

    def body(self) -> bytes:
        """Return what was sent, all of it."""
        return self.rfile.read(int(self.headers.get("content-length", "0")))

    def answer(self, body: bytes = b"{}", status: int = 200, **headers: str) -> None:
        """Answer with JSON as it is; an underscore in a header's name stands for a hyphen."""
        self.send_response(status)
        for name, value in {"content_type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


class HttpServer(ThreadingHTTPServer):
    """Says nothing of a client that went away: a load that ends, or a kill, is no failure of the server."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Print what went wrong, unless the connection was closed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(server: HttpServer) -> Iterator[str]:
    """Serve for the length of a block; give the server's address."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
