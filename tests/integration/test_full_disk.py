"""A disk that takes nothing more: one sentence, and nothing is changed.

Stood for by the system's limit on a file's size, at which a write fails as it does on a full disk.
"""

import subprocess
import sys
from collections.abc import Sequence

import pytest

from scripts.serving.places import REPOSITORY
from tests.integration.server import VERB_S, Server

pytestmark = pytest.mark.usefixtures("left_as_it_was")

LIMITED = (
    "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); sys.argv[:2] = [sys.argv[1]]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def on_a_full_disk(server: Server, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LIMITED, f"scripts.{words[0]}", *words[1:]],
        cwd=REPOSITORY,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=VERB_S,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("split", "1.0=50", "2.0=50"),
        ("promote", "--version", "2.0"),
        ("shadow", "--version", "2.0", "--percent", "10"),
        ("canary", "--version", "2.0"),
        ("report",),
    ],
    ids=lambda words: words[0],
)
def test_a_full_disk_is_one_sentence_and_nothing_is_changed(server: Server, words: tuple[str, ...]) -> None:
    server.ask("split", "1.0=100")
    before = server.traffic.read_text(), server.ask("status")["versions"]
    refused = on_a_full_disk(server, words)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: "), refused.stderr
    assert "File too large" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert (server.traffic.read_text(), server.ask("status")["versions"]) == before
