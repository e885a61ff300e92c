"""The client against a small server of its own; it counts what it should."""

import http.server
import json
import shutil
import threading
from collections.abc import Iterator

import pytest

from benchmarks import client
from benchmarks.workload import Workload
from tests.http_server import HttpServer

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


class Echo(http.server.BaseHTTPRequestHandler):
    """Takes the body for the label; `wrong` names another one."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        label = self.rfile.read(int(self.headers["content-length"])).decode()
        label = {"/wrong": "b" if label == "a" else "a"}.get(self.path, label)
        body = json.dumps({"predictions": [{"label": label}, {"label": "b" if label == "a" else "a"}]}).encode()
        self.send_response(503 if self.path == "/unavailable" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HttpServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    folder = tmp_path_factory.mktemp("workload")
    labels = ("a", "b", "b", "a")
    paths = tuple(folder / str(number) for number in range(len(labels)))
    for path, label in zip(paths, labels, strict=True):
        path.write_text(label)
    manifest = folder / "manifest"
    manifest.write_text("".join(f"{label} {path}\n" for label, path in zip(labels, paths, strict=True)))
    return Workload("photo", labels, paths, manifest)


@pytest.mark.parametrize("connections", [1, 2, 5])
def test_every_right_label_counts_over_any_number_of_connections(
    url: str, workload: Workload, connections: int
) -> None:
    load = client.load(f"{url}/right", workload, connections, 1)
    assert load.right > 0
    assert load.failures == 0


@pytest.mark.parametrize("connections", [1, 4])
def test_a_wrong_label_is_a_failure(url: str, workload: Workload, connections: int) -> None:
    load = client.load(f"{url}/wrong", workload, connections, 1)
    assert load.right == 0
    assert load.failures > 0


def test_another_status_is_a_failure_whatever_the_body_says(url: str, workload: Workload) -> None:
    load = client.load(f"{url}/unavailable", workload, 2, 1)
    assert load.right == 0
    assert load.failures > 0
