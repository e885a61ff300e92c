"""What an address that others reach shows of the machine: the real server, with keys and TLS, at such an address."""

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from scripts.serving import loopback, tls
from scripts.serving.loopback import Answer
from scripts.serving.places import REPOSITORY
from tests import certificates
from tests.integration.server import MODEL, Server

ADDRESSES = [
    found.address
    for name, addresses in psutil.net_if_addrs().items()
    for found in addresses
    if found.family == socket.AF_INET and not found.address.startswith("127.") and psutil.net_if_stats()[name].isup
]
pytestmark = [
    pytest.mark.operations,
    certificates.needs_openssl,
    pytest.mark.skipif(not ADDRESSES, reason="this machine has no address but loopback"),
]
PREDICTIONS = f"/predictions/{MODEL}"


@dataclass(frozen=True)
class Exposed:
    """A server at an address that others reach.

    Attributes:
        server: that runs.
        key: of `ann`.
        refused: what its start said before there was a key.
        started: what it said then.
    """

    server: Server
    key: str
    refused: str
    started: dict[str, str]

    @property
    def address(self) -> tuple[str, int]:
        return ADDRESSES[0], self.server.ports["edge"]

    @property
    def certificate(self) -> Path:
        return self.server.traffic.with_name("edge.pem")

    def ask(self, method: str, path: str, key: str | None = None, body: bytes | None = None) -> Answer:
        """Return what it answers to a caller from outside."""
        host, port = self.address
        headers = {"x-api-key": key or self.key, "content-type": "image/png"}
        url = f"https://{host}:{port}{path}"
        return loopback.ask(method, url, 60, body=body, headers=headers, certificate=self.certificate)

    def said(self, request: str) -> str:
        """Return the beginning of the answer to bytes that no library would send."""
        context, answer = tls.pinned(self.certificate), b""
        with socket.create_connection(self.address, 10) as plain, context.wrap_socket(plain) as connection:
            connection.sendall(request.replace("KEY", self.key).replace("\n", "\r\n").encode())
            connection.settimeout(3)
            with contextlib.suppress(TimeoutError, ssl.SSLEOFError, ConnectionError):
                while b"}}" not in answer and (part := connection.recv(65536)):
                    answer += part
        return answer.decode(errors="replace")


@pytest.fixture(scope="module")
def exposed(short_folder: Path, model_store: Path) -> Iterator[Exposed]:
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    server = Server.prepare(folder, '"1.0": 100', model_store)
    certificate, key = certificates.make(folder, "edge")
    traffic = server.traffic.read_text()
    server.traffic.write_text(traffic.replace("tls: null", f"tls: {{certificate: {certificate}, key: {key}}}"))
    server = replace(server, environment={**server.environment, "EDGE_ADDRESS": ADDRESSES[0]})
    refused = server.verb("start")
    assert (refused.returncode, server.processes()) == (1, [])
    made = server.ask("key", "--name", "ann")
    try:
        yield Exposed(server, made["key"], refused.stderr, server.ask("start"))
    finally:
        server.verb("stop")
    assert server.processes() == []


def test_without_a_key_it_does_not_start_and_says_how_to_make_one(exposed: Exposed) -> None:
    keys = exposed.server.environment["KEYS"]
    assert exposed.refused == (
        f"error: the edge would listen at {ADDRESSES[0]} and take everybody's requests: {keys} has no key; "
        "make one with `make key NAME=<who>`, or listen at 127.0.0.1.\n"
    )


def test_of_all_that_listens_only_the_edge_is_outside_loopback(exposed: Exposed) -> None:
    pids = {process.pid for process in exposed.server.processes()}
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.net_connections("inet")
        if connection.pid in pids and (connection.status == psutil.CONN_LISTEN or not connection.raddr)
    }
    assert len(listening) > 5
    outside = {place for place in listening if place[0] not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")}
    assert outside == {exposed.address}


def test_of_all_ports_only_the_edges_takes_a_connection_from_outside(exposed: Exposed) -> None:
    taken = {}
    for name, port in exposed.server.ports.items():
        with socket.socket() as probe:
            taken[name] = probe.connect_ex((ADDRESSES[0], port)) == 0
    assert {name for name, is_taken in taken.items() if is_taken} == {"edge"}


def test_the_contracts_routes_answer(exposed: Exposed, cell: bytes) -> None:
    answer = exposed.ask("POST", PREDICTIONS, body=cell)
    assert (answer.status, answer.json()["model"]) == (200, MODEL)
    assert exposed.ask("GET", "/healthz").status == 200
    assert exposed.ask("POST", PREDICTIONS, body=cell, key="ann.wrong").status == 401


INNER = ["/ping", "/models", f"/models/{MODEL}", "/metrics", "/api-description", "/v1/models/other", "/workflows"]
INNER += ["/stats", "/config_dump", "/quitquitquit", "/healthcheck/fail", "/clusters", "/wfpredict/x", "/predictions"]
INNER += [f"/explanations/{MODEL}/9.9", f"{PREDICTIONS}/9.9", "/predictions/other", f"/v1/models/{MODEL}:explain"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_else_of_torchserve_or_envoy_answers(exposed: Exposed, method: str) -> None:
    found = {path: exposed.ask(method, path) for path in INNER}
    assert {path: answer.status for path, answer in found.items()} == dict.fromkeys(INNER, 404)
    assert {answer.json()["error"]["code"] for answer in found.values()} == {"not_found"}


@pytest.mark.parametrize(
    "line",
    [
        "GET //models HTTP/1.1",
        "GET /./models HTTP/1.1",
        f"GET {PREDICTIONS}/../../models HTTP/1.1",
        f"POST {PREDICTIONS}/%2e%2e/%2e%2e/models HTTP/1.1",
        f"POST {PREDICTIONS}%2f..%2f..%2fmodels HTTP/1.1",
        f"POST {PREDICTIONS}/..;/..;/models HTTP/1.1",
        f"POST {PREDICTIONS}/1.0/../../../models HTTP/1.1",
        f"POST {PREDICTIONS}\\..\\..\\models HTTP/1.1",
        "GET /models?x=/predictions HTTP/1.1",
        "GET /models#/healthz HTTP/1.1",
        "GET http://127.0.0.1:8081/models HTTP/1.1",
        "GET http://127.0.0.1:9901/config_dump HTTP/1.1",
        "CONNECT 127.0.0.1:8081 HTTP/1.1",
        "TRACE /models HTTP/1.1",
        f"TRACE {PREDICTIONS} HTTP/1.1",
        "GET /models HTTP/1.1\nx-original-url: /healthz\nx-envoy-original-path: /healthz",
        "GET /models HTTP/1.1\nconnection: upgrade, http2-settings\nupgrade: h2c\nhttp2-settings: AAMAAABkAAQAAP__",
        "GET /models HTTP/1.1\nconnection: upgrade\nupgrade: websocket",
        "GET /models HTTP/1.0",
        "PRI * HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ],
)
def test_no_trick_leads_to_what_is_behind_the_edge(exposed: Exposed, line: str) -> None:
    said = exposed.said(f"{line}\nhost: 127.0.0.1:8081\nx-api-key: KEY\nconnection: close\ncontent-length: 0\n\n")
    assert said.startswith(("HTTP/1.1 40", "HTTP/1.1 426", "HTTP/1.1 501")) or said == "", said
    assert not any(word in said for word in ("modelName", "TYPE", "@type", "workflow", "openapi", "listener")), said


def test_verbs_reach_the_edge_over_tls(exposed: Exposed, cell: bytes, tmp_path: Path) -> None:
    image = tmp_path / "cell.png"
    image.write_bytes(cell)
    status = exposed.server.ask("status")
    assert (status["healthz"], status["url"]) == (200, f"https://{ADDRESSES[0]}:{exposed.server.ports['edge']}")
    refused = exposed.server.verb("predict", str(image))
    assert (refused.returncode, "API_KEY holds none that it knows" in refused.stderr) == (1, True)
    with_key = replace(exposed.server, environment={**exposed.server.environment, "API_KEY": exposed.key})
    assert with_key.ask("predict", str(image))["version"] == "1.0"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_the_line_to_try_works_as_it_is_printed(exposed: Exposed) -> None:
    environment = {**exposed.server.environment, "API_KEY": exposed.key}
    line = ["sh", "-c", exposed.started["try"].replace("curl", "curl -sS --fail-with-body", 1)]
    done = subprocess.run(line, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout or "{}").get("model") == MODEL, done.stderr + done.stdout


def test_a_key_is_rotated_while_it_runs_and_the_last_one_stays(exposed: Exposed, cell: bytes) -> None:
    first = exposed.server.ask("key", "--name", "line-4")
    second = exposed.server.ask("key", "--name", "line-4-b")
    assert (first["in_effect"], second["in_effect"]) == (True, True)
    assert [exposed.ask("POST", PREDICTIONS, each["key"], cell).status for each in (first, second)] == [200, 200]
    assert exposed.server.ask("key", "--name", "line-4", "--revoke")["keys"] == ["ann", "line-4-b"]
    assert [exposed.ask("POST", PREDICTIONS, each["key"], cell).status for each in (first, second)] == [401, 200]
    # By hand, too.
    path = Path(exposed.server.environment["KEYS"])
    before = path.read_text()
    path.write_text("\n".join(line for line in before.splitlines() if not line.startswith("line-4-b")) + "\n")
    assert "keys: ann" in exposed.server.ask("apply")["done"]
    assert exposed.ask("POST", PREDICTIONS, second["key"], cell).status == 401
    last = exposed.server.verb("key", "--name", "ann", "--revoke")
    assert (last.returncode, "has no key; make one" in last.stderr) == (1, True)
    assert exposed.ask("POST", PREDICTIONS, body=cell).status == 200
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_is_in_no_file_and_in_no_processs_words(exposed: Exposed, cell: bytes) -> None:
    """Of all that the server writes, and of the archives."""
    assert exposed.ask("POST", f"{PREDICTIONS}?key={exposed.key}", body=cell).status == 200
    made = exposed.server.ask("key", "--name", "carl")["key"]
    secrets = [key.partition(".")[2].encode() for key in (exposed.key, made)]
    folders = [exposed.server.traffic.parent, Path(exposed.server.environment["MODEL_STORE"])]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert exposed.server.run_dir / "access.log" in files
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []
    words = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, check=True).stdout
    assert not [secret for secret in secrets if secret in words]
    client = {json.loads(line)["client"] for line in (exposed.server.run_dir / "access.log").read_text().splitlines()}
    assert "ann" in client
