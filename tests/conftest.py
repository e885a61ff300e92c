"""Real archives and real cells, shared by every test."""

import os
import signal
import zipfile
from pathlib import Path

import pytest

from scripts.pipeline.data import elpv

MODEL_STORE = Path(os.environ.get("MODEL_STORE", "model_store/test"))


def pytest_configure() -> None:
    """Let what tests start take a Ctrl-C and a closed terminal, and let them start it beside a client of gRPC.

    A shell's background job ignores the first, what `nohup` starts the second, and so would their children.
    """
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, default)
    # Servers are forked and replaced at once; gRPC's own handlers of a fork would stop the child before that.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


def _archive(version: str) -> Path:
    path = MODEL_STORE / f"mobilenet_v3-{version}.mar"
    if not path.is_file():
        pytest.exit(f"{path} is missing; `make test` builds it.", returncode=1)
    return path


def _unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def float32_archive() -> Path:
    return _archive("1.0")


@pytest.fixture(scope="session")
def int8_archive() -> Path:
    return _archive("2.0")


@pytest.fixture(scope="session")
def float32_folder(float32_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _unpacked(float32_archive, tmp_path_factory.mktemp("float32"))


@pytest.fixture(scope="session")
def int8_folder(int8_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _unpacked(int8_archive, tmp_path_factory.mktemp("int8"))


@pytest.fixture(scope="session")
def cells() -> list[bytes]:
    """Return the encoded images of the first 32 solar cells."""
    return [cell.path.read_bytes() for cell in elpv.cells()[:32]]


@pytest.fixture(scope="session")
def cell(cells: list[bytes]) -> bytes:
    return cells[0]
