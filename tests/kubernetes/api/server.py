"""The HTTP side: requests are read, recorded and answered; and what makes kubectl speak to this server alone."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.kubernetes.api import verbs
from tests.kubernetes.api.api import Api
from tests.kubernetes.api.discovery import DISCOVERY_TYPE
from tests.kubernetes.api.faults import ConnectionLost, Request
from tests.kubernetes.api.refusals import Refused

CONTEXT = "stub"


class _Server(ThreadingHTTPServer):
    # A client that hangs must not keep a test from ending.
    daemon_threads = True
    api: Api
    errors: list[Exception]

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what went wrong in the stub itself; a client that went away is no error."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self.errors.append(error)


@contextmanager
def running_api(folder: Path) -> Iterator[Api]:
    """An API server on a free port of loopback; its kubeconfig and kubectl's cache are in `folder`.

    Raises at the end what went wrong in the server itself.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.errors = []
    kubeconfig = _kubeconfig(folder, f"http://127.0.0.1:{server.server_port}")
    # The caches of another server would mislead it.
    places = {"KUBECONFIG": kubeconfig, "KUBECACHEDIR": folder / "cache", "HOME": folder}
    environment = {"PATH": os.environ["PATH"]} | {name: str(path) for name, path in places.items()}
    server.api = Api(kubeconfig, environment)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    if server.errors:
        raise server.errors[0]


def _kubeconfig(folder: Path, url: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": url}}],
        "users": [{"name": CONTEXT, "user": {}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }
    path = folder / "kubeconfig.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Headers and body leave together; otherwise each answer waits for an acknowledgement (Nagle and delayed ACK).
    wbufsize = -1

    def do_GET(self) -> None:
        api, request = self.server.api, self._read()
        try:
            api.faults.meet(request, "before")
            body = verbs.answer(api.objects, request)
            api.faults.meet(request, "after")
        except ConnectionLost:
            self.close_connection = True
        except Refused as refused:
            self._send(refused.code, refused.body(), "application/json")
        else:
            self._send(200, body, DISCOVERY_TYPE if request.path in ("/api", "/apis") else "application/json")

    do_PATCH = do_DELETE = do_GET

    def _read(self) -> Request:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        request = Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            content_type=self.headers.get("content-type", ""),
            body=json.loads(body) if body else None,
        )
        self.server.api.requests.append(request)
        return request

    def _send(self, code: int, body: dict[str, Any], content_type: str) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are recorded, not printed."""
