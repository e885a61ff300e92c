"""A small HTTP server of a test's own."""

import sys
from http.server import ThreadingHTTPServer


class HttpServer(ThreadingHTTPServer):
    """Says nothing of a client that went away: a load that ends, or a kill, is no failure of the server."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Print what went wrong, unless the connection was closed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]
