"""A small HTTP server of a test's own."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer


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
