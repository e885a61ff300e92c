"""Commands that are killed before each of their steps, under load: what is left is whole, and the next one ends it."""

import itertools
import signal
import subprocess
import sys
from collections.abc import Mapping

import pytest
import requests

from scripts.serving import history, processes, traffic
from scripts.serving.edge import Edge
from scripts.serving.places import REPOSITORY, Ports
from tests.integration.server import MODEL, VERB_S, Server
from tests.integration.steady import failed, steady

pytestmark = pytest.mark.faults

PER_S = 60.0
START, CANARY, PROMOTED = {"1.0": 90, "2.0": 10}, {"1.0": 50, "2.0": 50}, {"1.0": 0, "2.0": 100}


def killed(server: Server, step: int, verb: str, *words: str) -> bool:
    """Return whether a verb was killed before its step of that number; otherwise it has ended well."""
    argv = [sys.executable, "-m", "tests.integration.killing", str(step), f"scripts.{verb}", *words]
    done = subprocess.run(
        argv, cwd=REPOSITORY, env=server.environment, capture_output=True, text=True, timeout=VERB_S, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def effective(server: Server) -> Mapping[str, int]:
    return Edge(server.run_dir, Ports(**server.ports), MODEL).split()


def opened(server: Server) -> list[str]:
    return Edge(server.run_dir, Ports(**server.ports), MODEL).opened()


def registered(server: Server) -> set[str]:
    found = requests.get(f"{server.management_url}/models/{MODEL}/all", timeout=10).json()
    return {each["modelVersion"] for each in found}


def is_whole(server: Server, *splits: Mapping[str, int]) -> None:
    """The file has one of these splits, and so has the edge; all that it leads to is there."""
    assert traffic.read(server.traffic).split in splits
    assert effective(server) in splits
    assert {*effective(server), *opened(server)} <= registered(server)
    assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200


@pytest.mark.usefixtures("left_as_it_was")
def test_a_change_of_the_split_that_is_killed_is_whole_and_is_ended_by_the_next(
    server: Server, cells: list[bytes]
) -> None:
    def through(step: int) -> bool:
        """Go from START to CANARY, to PROMOTED, back to CANARY; each killed once. Return whether one was."""
        were_killed = []
        for verb, words, before, after in (
            ("split", ("1.0=50", "2.0=50"), START, CANARY),
            ("promote", ("--version", "2.0"), CANARY, PROMOTED),
            ("rollback", (), PROMOTED, CANARY),
        ):
            were_killed.append(killed(server, step, verb, *words))
            is_whole(server, before, after)
            if were_killed[-1]:
                assert server.ask(verb, *words)["split"] == after
            is_whole(server, after)
            previous = history.previous(server.run_dir, after)
            assert previous == {version: weight for version, weight in before.items() if weight}
            assert not (server.run_dir / "change.json").exists()
            assert not [path for path in server.traffic.parent.iterdir() if path.name.startswith(".")]
        server.ask("split", "1.0=90", "2.0=10")
        return any(were_killed)

    with steady(server, cells, PER_S) as answers:
        server.ask("split", "1.0=90", "2.0=10")
        steps = next(step for step in itertools.count(1) if not through(step))
    # The note, traffic.yaml, routes, the default version, the history's line, the note's end; and one that was not.
    assert steps >= 7
    assert failed(answers()) == []


def test_a_version_that_comes_and_goes_with_killed_commands_is_whole_and_loses_nothing(
    own_server: Server, cells: list[bytes]
) -> None:
    one, both = {"1.0": 100}, {"1.0": 100, "2.0": 0}

    def through(step: int) -> bool:
        """Register 2.0, name it in traffic.yaml, retire it; the first and the last are killed once."""
        was_killed = killed(own_server, step, "register", "--version", "2.0")
        is_whole(own_server, one)
        own_server.ask("register", "--version", "2.0")
        assert "2.0" in opened(own_server)
        own_server.ask("split", "1.0=100", "2.0=0")
        was_killed |= killed(own_server, step, "retire", "--version", "2.0")
        is_whole(own_server, one, both)
        own_server.ask("retire", "--version", "2.0")
        is_whole(own_server, one)
        assert registered(own_server) == {"1.0"}
        return was_killed

    own_server.verb("start")
    with steady(own_server, cells, PER_S) as answers:
        steps = next(step for step in itertools.count(1) if not through(step))
    # Register: TorchServe, warming, clusters, routes, the default. Retire: traffic.yaml, routes, clusters, the default,
    # TorchServe.
    assert steps >= 6
    assert failed(answers()) == []


def test_a_version_whose_worker_was_starting_when_its_command_was_killed_gets_no_traffic_before_it_is_registered_again(
    own_server: Server, cell: bytes
) -> None:
    own_server.verb("start")
    with own_server.spawn("register", "--version", "2.0") as process:
        assert processes.wait_until(lambda: "2.0" in registered(own_server), 30, pause_s=0.01)
        process.kill()
        process.communicate(timeout=30)
    description = f"{own_server.management_url}/models/{MODEL}/2.0"
    assert processes.wait_until(lambda: "READY" in requests.get(description, timeout=10).text, 60)
    refused = own_server.verb("split", "1.0=50", "2.0=50")
    assert refused.returncode == 1
    assert "version 2.0 is registered, but not ready for traffic" in refused.stderr
    # Another change does not open its path either.
    own_server.ask("split", "1.0=100")
    assert own_server.predict(cell, "2.0").status_code == 404
    assert own_server.ask("register", "--version", "2.0")["new"] is False
    assert own_server.predict(cell, "2.0").status_code == 200
    own_server.ask("split", "1.0=50", "2.0=50")
