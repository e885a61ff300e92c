"""A model store that can't be written: it is served from, and nobody trains for minutes to find that out.

root writes whatever the modes say, so the store is mounted read-only, for the commands of a test alone.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.server import Server

pytestmark = pytest.mark.operations

MOUNT = 'store=$1; shift; mount --bind "$store" "$store" && mount -o remount,ro,bind "$store" && exec "$@"'
ALONE = ("unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh")


@pytest.fixture
def store(own_server: Server, tmp_path: Path) -> Path:
    """Return the store of `own_server`, where this machine lets us mount it read-only."""
    tried = subprocess.run([*ALONE, str(tmp_path), "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no mounts of one's own here: {tried.stderr.strip()}")
    return Path(own_server.environment["MODEL_STORE"])


def on_a_read_only_store(server: Server, store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return server.run([*ALONE, str(store), sys.executable, "-m", f"scripts.{words[0]}", *words[1:]])


def test_an_archive_is_not_begun_where_it_could_not_be_put(own_server: Server, store: Path) -> None:
    before = sorted(store.iterdir())
    refused = on_a_read_only_store(own_server, store, "archive", "--version", "9.9", "--precision", "int8")
    assert refused.returncode == 1
    assert refused.stderr == f"error: {store}: can't be written; set MODEL_STORE to a folder that can.\n"
    assert refused.stdout == ""
    assert sorted(store.iterdir()) == before


def test_a_read_only_store_is_served_from(own_server: Server, store: Path, cell: bytes) -> None:
    started = on_a_read_only_store(own_server, store, "start")
    assert started.returncode == 0, started.stderr
    assert own_server.predict(cell).status_code == 200
    registered = on_a_read_only_store(own_server, store, "register", "--version", "2.0")
    assert registered.returncode == 0, registered.stderr
    assert own_server.predict(cell, "2.0").status_code == 200
