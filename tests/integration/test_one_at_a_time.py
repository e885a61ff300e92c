"""Two commands that change a server do not mix: the second one is soon refused; who only looks is let in."""

import json
import signal
import time
from collections.abc import Callable

import pytest
import requests

from scripts.locks import hold
from scripts.serving import processes
from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.operations

SENTENCE = "error: another command changes the running server just now; let it end first.\n"
CHANGES = (
    ("register", "--version", "2.0"),
    ("split", "1.0=50", "2.0=50"),
    ("promote", "--version", "2.0"),
    ("rollback",),
    ("retire", "--version", "2.0"),
    ("shadow", "--percent", "0"),
    ("scale", "--version", "2.0", "--workers", "1"),
    ("apply",),
)


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: words[0])
def test_a_second_change_is_soon_refused(server: Server, words: tuple[str, ...]) -> None:
    before = server.traffic.read_text(), server.config.read_text()
    with hold(server.run_dir / "change.lock", "nobody else is there"):
        begun_s = time.monotonic()
        refused = server.verb(*words)
    assert (refused.returncode, refused.stderr) == (1, SENTENCE)
    assert time.monotonic() - begun_s < 10
    assert (server.traffic.read_text(), server.config.read_text()) == before


def test_a_change_that_goes_on_keeps_others_out_and_lets_those_in_who_look(
    own_server: Server, broken_archive: Callable[[str, str], None]
) -> None:
    """A version whose workers take eight seconds more to load."""
    broken_archive("7.7", "__import__('time').sleep(8)")
    own_server.verb("start")
    description = f"{own_server.management_url}/models/{MODEL}/7.7"
    with own_server.spawn("register", "--version", "7.7") as first:
        assert processes.wait_until(lambda: requests.get(description, timeout=10).ok, 30, pause_s=0.01)
        assert own_server.verb("split", "1.0=100").stderr == SENTENCE
        assert own_server.ask("status")["running"] is True
        with own_server.spawn("status", "--watch", "--json") as watch:
            assert watch.stdout is not None
            assert json.loads(watch.stdout.readline())["model"] == MODEL
            watch.send_signal(signal.SIGINT)
            watch.communicate(timeout=30)
        first.communicate(timeout=60)
    assert first.returncode == 0
    own_server.ask("split", "1.0=100")
