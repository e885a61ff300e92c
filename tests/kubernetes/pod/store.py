"""An archive store that speaks HTTP, and fails as it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Literal

from tests.http_server import HttpServer

Fault = Literal["missing", "cut off"] | None


class Store(HttpServer):
    """Answers with the files of a folder."""

    daemon_threads = True

    def __init__(self, port: int, folder: Path, fault: Fault = None) -> None:
        """Listen on loopback."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder = folder
        self.fault = fault


class _Handler(BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        file = self.server.folder / Path(self.path).name
        if self.server.fault == "missing":
            self.send_error(404)
            return
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.server.fault == "cut off" else content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(port: int, folder: Path, fault: Fault = None) -> Iterator[Store]:
    """Serve a folder's files for the length of a block."""
    with Store(port, folder, fault) as store:
        thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield store
        finally:
            store.shutdown()
            thread.join()
