"""Before a version's path opens, each of its workers has answered real images; one that can't is taken out again."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.usefixtures("left_as_it_was")

# In a worker's `initialize`: each later batch adds its process's number to a file.
SIGNED = (
    "import os, handler.metrics as m; before = m.BatchMetrics.write; path = os.environ['RUN_DIR'] + '/served'; "
    "m.BatchMetrics.write = lambda *all: (os.system(f'echo {os.getpid()} >> {path}'), before(*all))[1]"
)
# The same for one that loads, and fails with every batch.
FAILING = "type(context).set_response_content_type = lambda *_: 1 / 0"


def retired(server: Server, version: str) -> None:
    server.ask("retire", "--version", version)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_worker_has_answered_before_the_path_opens(
    server: Server, workers: int, broken_archive: Callable[[str, str], None]
) -> None:
    served = Path(server.environment["RUN_DIR"]) / "served"
    served.unlink(missing_ok=True)
    version = f"8.{workers}"
    broken_archive(version, SIGNED)
    settings = f'"{version}": {{"minWorkers": {workers}, "maxWorkers": {workers}, "batchSize": 8}}'
    server.config.write_text(re.sub(r'("2\.0": \{.*?\})', rf"\1, {settings}", server.config.read_text()))
    said = server.ask("register", "--version", version)
    assert said["new"] is True
    assert said["warmed_with"] >= 16 * workers
    assert len(set(served.read_text().split())) == workers
    retired(server, version)


def test_a_version_that_answers_real_images_with_errors_is_taken_out_again_with_the_reason(
    server: Server, cell: bytes, broken_archive: Callable[[str, str], None]
) -> None:
    broken_archive("9.8", FAILING)
    refused = server.verb("register", "--version", "9.8")
    assert refused.returncode == 1
    assert "version 9.8 can't answer a real image, so it was taken out: 503 " in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert requests.get(f"{server.management_url}/models/{MODEL}/9.8", timeout=10).status_code == 404
    assert server.predict(cell, "9.8").status_code == 404


def test_register_says_that_the_workers_are_warm(server: Server) -> None:
    server.ask("split", "1.0=100")
    retired(server, "2.0")
    said = server.verb("register", "--version", "2.0").stdout
    assert re.search(r"2\.0 is registered, its workers are warm \(\d+ images\): POST http", said)
    assert "2.0 was registered already: POST http" in server.verb("register", "--version", "2.0").stdout
