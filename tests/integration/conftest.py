"""A real TorchServe behind a real Envoy, started once, on free ports, with real archives and cells."""

import hashlib
import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from handler.metadata import Metadata
from tests.integration.server import MODEL, Server


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """Return a folder whose path leaves room for a socket's name (108 bytes in all)."""
    with tempfile.TemporaryDirectory(prefix="ts-") as name:
        yield Path(name).resolve()


@pytest.fixture(scope="session")
def model_store(short_folder: Path, float32_archive: Path, int8_archive: Path) -> Path:
    """Return a copy of the archives that tests may add to."""
    store = short_folder / "store"
    store.mkdir()
    for archive in (float32_archive, int8_archive):
        for name in (archive.name, f"{archive.name}.sha256"):
            shutil.copy(archive.with_name(name), store)
    return store


@pytest.fixture(scope="session")
def jpeg(cell: bytes) -> bytes:
    """Return a cell as a JPEG."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(cell)).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def broken_archive(model_store: Path) -> Callable[[str, str], None]:
    """Return what puts a version into the store whose digests are right and whose workers do `statement` first."""

    def build(version: str, statement: str) -> None:
        source, target = (model_store / f"{MODEL}-{name}.mar" for name in ("1.0", version))
        with zipfile.ZipFile(source) as old:
            contents = {name: old.read(name) for name in old.namelist()}
        entry = contents["torchserve_entry.py"]
        changed = entry.replace(b"        settings =", f"        {statement}\n        settings =".encode())
        assert changed != entry
        described = Metadata.decode(contents["model.json"].decode())
        files = described.files | {"torchserve_entry.py": hashlib.sha256(changed).hexdigest()}
        described = described.model_copy(update={"version": version, "files": files})
        manifest = contents["MAR-INF/MANIFEST.json"]
        contents |= {
            "torchserve_entry.py": changed,
            "model.json": described.encode().encode(),
            "MAR-INF/MANIFEST.json": manifest.replace(
                b'"modelVersion": "1.0"', f'"modelVersion": "{version}"'.encode()
            ),
        }
        with zipfile.ZipFile(target, "w") as new:
            for name, content in contents.items():
                new.writestr(name, content)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n")

    return build


@pytest.fixture(scope="session")
def server(short_folder: Path, model_store: Path) -> Iterator[Server]:
    """Return a server with 1.0 at 90 % and 2.0 at 10 %, for every test that leaves it as it was."""
    folder = short_folder / "shared"
    folder.mkdir()
    server = Server.prepare(folder, '"1.0": 90, "2.0": 10', model_store)
    started = server.verb("start")
    assert started.returncode == 0, started.stderr
    yield server
    stopped = server.verb("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert server.processes() == []


@pytest.fixture
def own_server(short_folder: Path, model_store: Path) -> Iterator[Server]:
    """Return an installation of this test alone, with 1.0 only; nothing runs yet."""
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    server = Server.prepare(folder, '"1.0": 100', model_store)
    yield server
    server.verb("stop")
    assert server.processes() == []


@pytest.fixture
def wide_server(own_server: Server) -> Server:
    """Return a running server with two workers of either version: one alone would leave the second core idle."""
    own_server.config.write_text(
        own_server.config.read_text().replace('"minWorkers": 1, "maxWorkers": 1', '"minWorkers": 2, "maxWorkers": 2')
    )
    own_server.verb("start")
    return own_server


@pytest.fixture
def left_as_it_was(server: Server) -> Iterator[None]:
    """Bring the shared server back to 90/10 and the shipped configuration after each test."""
    config, traffic = server.config.read_text(), server.traffic.read_text()
    yield
    if (server.config.read_text(), server.traffic.read_text()) != (config, traffic):
        server.config.write_text(config)
        server.traffic.write_text(traffic)
        server.ask("apply")
