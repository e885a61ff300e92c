"""How a canary ends that does not reach its goal: interrupted, killed, overtaken, or never begun."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from scripts.serving import processes
from tests.integration.server import Server
from tests.integration.steady import steady

pytestmark = [pytest.mark.operations, pytest.mark.usefixtures("left_as_it_was")]


@pytest.fixture
def ready(server: Server) -> Server:
    """Return the shared server with 2.0 ready and without traffic, and no canary before."""
    server.ask("split", "1.0=100")
    (server.run_dir / "canary.json").unlink(missing_ok=True)
    return server


def record(server: Server) -> dict[str, Any]:
    path = server.run_dir / "canary.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


@contextmanager
def walking(server: Server, *words: str, percent: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Run a canary of 2.0, which waits at `percent` for requests that never come, for the length of a block."""
    with server.spawn("canary", "--version", "2.0", *words) as process:

        def there() -> bool:
            now = record(server)
            return now.get("percent") == percent and now.get("process", {}).get("pid") == process.pid

        assert processes.wait_until(there, 30)
        yield process


def weights(server: Server) -> dict[str, tuple[int, int]]:
    """Return each version's weight at the edge and its percent of copies."""
    versions = server.ask("status")["versions"]
    return {name: (about["effective_weight"], about["shadow_percent"]) for name, about in versions.items()}


AS_BEFORE = {"1.0": (100, 0), "2.0": (0, 0)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_takes_it_back(ready: Server, number: signal.Signals) -> None:
    with walking(ready, "--shadow", "0", "--steps", "30,100", percent=30) as process:
        assert weights(ready)["2.0"] == (30, 0)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert weights(ready) == AS_BEFORE
    assert (record(ready)["state"], record(ready)["reason"]) == ("rolled back", "The canary was interrupted.")


def test_one_that_was_killed_goes_on_where_it_was_and_keeps_its_plan(ready: Server, cells: list[bytes]) -> None:
    with walking(ready, "--shadow", "0", "--steps", "30,100", "--requests", "50", "--hold", "0", percent=30) as process:
        process.kill()
    assert weights(ready)["2.0"] == (30, 0)
    with steady(ready, cells, 40):
        done = ready.verb("canary", "--version", "2.0")
    assert done.returncode == 0, done.stderr
    assert "30 %: 1.0=70 2.0=30" in done.stdout
    assert (record(ready)["state"], record(ready)["steps"]) == ("promoted", [30, 100])


def test_beside_one_that_was_killed_no_other_version_begins(ready: Server) -> None:
    with walking(ready, "--shadow", "0", "--steps", "30,100", percent=30) as process:
        process.kill()
    refused = ready.verb("canary", "--version", "1.0")
    assert refused.returncode == 1
    assert "the canary of 2.0 was cut off at 30 %; `make canary VERSION=2.0` goes on with it" in refused.stderr
    assert ready.ask("rollback")["split"] == {"1.0": 100, "2.0": 0}


def test_who_changes_the_split_meanwhile_has_it_so(ready: Server) -> None:
    with walking(ready) as process:
        assert weights(ready)["2.0"] == (0, 20)
        ready.ask("split", "1.0=80", "2.0=20")
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "somebody changed the split to 1.0=80 2.0=20, so the canary of 2.0 ends and leaves it so." in said
    assert weights(ready) == {"1.0": (80, 0), "2.0": (20, 0)}
    assert record(ready)["state"] == "ended"


def test_a_second_one_is_refused_and_other_commands_are_not(ready: Server) -> None:
    with walking(ready) as process:
        refused = ready.verb("canary", "--version", "2.0")
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "a canary already walks" in refused.stderr
        assert ready.ask("scale", "--version", "2.0", "--workers", "1")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert weights(ready) == AS_BEFORE


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--version", "7.7"], "version 7.7 is not registered; `make register VERSION=7.7` first."),
        (["--version", "1.0"], "1.0 gets 100 % already, and a canary begins with none"),
        (["--version", "2.0", "--steps", "50,25"], "each step is larger than the one before"),
        (["--version", "2.0", "--labels", "nowhere.csv"], "nowhere.csv: can't be read: No such file or directory."),
    ],
)
def test_what_can_t_begin_is_one_sentence_and_changes_nothing(ready: Server, words: list[str], sentence: str) -> None:
    before = ready.traffic.read_text()
    refused = ready.verb("canary", *words)
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert ready.traffic.read_text() == before
    assert weights(ready) == AS_BEFORE
    assert record(ready) == {}


def test_the_shadow_of_another_version_stays_and_the_way_out_is_named(ready: Server) -> None:
    ready.ask("shadow", "--version", "1.0", "--percent", "10")
    refused = ready.verb("canary", "--version", "2.0")
    assert "1.0 is the shadow, which 2.0 needs for its first step; end it by `make shadow PERCENT=0`" in refused.stderr
    with walking(ready, "--shadow", "0", "--steps", "30,100", percent=30) as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert weights(ready) == {"1.0": (100, 10), "2.0": (0, 0)}


def test_without_a_prediction_log_it_says_what_it_would_be_blind_to(ready: Server) -> None:
    config = ready.config.read_text()
    ready.config.write_text(config.replace("handler.prediction_log=on", "handler.prediction_log=off"))
    refused = ready.verb("canary", "--version", "2.0")
    assert "without a prediction log nobody knows whether 2.0 answers otherwise" in refused.stderr
    ready.config.write_text(config)
