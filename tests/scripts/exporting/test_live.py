"""What the demo page is told while the edge answers some questions and others not."""

import http
import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from scripts.errors import UserError
from scripts.exporting.live import Live
from scripts.serving.installation import Installation
from scripts.serving.places import Ports
from tests.http_server import HttpServer, serving

VERSION = "1.0"


class Admin(BaseHTTPRequestHandler):
    """Envoy's admin interface, which may have no answer about its clusters."""

    knows_clusters: ClassVar[bool] = True

    def do_GET(self) -> None:
        if self.path.startswith("/stats"):
            self._answer(f'envoy_cluster_upstream_rq_completed{{version="{VERSION}"}} 7\n'.encode())
        elif self.knows_clusters:
            host = {"health_status": {"eds_health_status": "HEALTHY"}}
            clusters = [{"name": f"version-{VERSION}", "host_statuses": [host]}]
            self._answer(json.dumps({"cluster_statuses": clusters}).encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def _answer(self, body: bytes) -> None:
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """Return the figures of an edge whose files name one version."""
    places = Installation.read({"RUN_DIR": str(tmp_path)}).places
    edge = tmp_path / "edge"
    edge.mkdir()
    (edge / "routes.yaml").write_text(f'''
- name: "version-{VERSION}"
  weight: 100
- {{"name": "x-model-version", "string_match": {{"exact": "{VERSION}"}}}}
''')
    server = HttpServer(("127.0.0.1", 0), Admin)
    with serving(server):
        yield Live(places, replace(Ports(), admin=server.server_port), "mobilenet_v3")


def test_as_long_as_the_edge_does_not_answer_each_who_asks_is_told_so(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Admin, "knows_clusters", False)
    for _ in range(2):
        with pytest.raises(UserError, match="admin port does not answer"):
            live.document()
    monkeypatch.setattr(Admin, "knows_clusters", True)
    about = live.document()["versions"][VERSION]
    assert (about["requests"], about["weight"], about["healthy"]) == (7, 100, True)
