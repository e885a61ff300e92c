"""A disk that takes nothing more: one sentence, and nothing is changed.

Stood for by the system's limit on a file's size, at which a write fails as it does on a full disk.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from tests.integration.server import Server

pytestmark = pytest.mark.usefixtures("left_as_it_was")

LIMITED = (
    "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); sys.argv[:2] = [sys.argv[1]]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


@pytest.fixture
def without_2_0(server: Server, left_as_it_was: None) -> Iterator[None]:
    """Take 2.0 out for one test; what the files said before is brought back last."""
    server.ask("split", "1.0=100")
    server.ask("retire", "--version", "2.0")
    yield
    server.ask("register", "--version", "2.0")


def on_a_full_disk(server: Server, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return server.run([sys.executable, "-c", LIMITED, f"scripts.{words[0]}", *words[1:]])


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


@pytest.mark.usefixtures("without_2_0")
def test_a_version_that_is_registered_on_a_full_disk_is_taken_out_again(server: Server) -> None:
    """Its path can't be opened: the edge's files are what is to be written."""
    refused = on_a_full_disk(server, ("register", "--version", "2.0"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "File too large" in refused.stderr
    assert list(server.ask("status")["versions"]) == ["1.0"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("start",), "could not say why in {run}/supervisor.log; is there room on that disk?"),
        (("serve",), "File too large"),
        pytest.param(
            ("archive", "--version", "9.9", "--precision", "float32"),
            "No usable temporary directory found",
            marks=pytest.mark.operations,
        ),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_what_begins_on_a_full_disk_says_so_and_leaves_nothing(
    own_server: Server, words: tuple[str, ...], sentence: str
) -> None:
    refused = on_a_full_disk(own_server, words)
    assert refused.returncode == 1
    # A library may warn of the shared memory that it goes without, a file as well.
    assert "Traceback" not in refused.stderr
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("error: "), refused.stderr
    assert sentence.format(run=own_server.run_dir) in last
    assert own_server.processes() == []
