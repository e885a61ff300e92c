"""Which version answers: the split, its refusals, shadow traffic, health; no request is lost while it changes."""

import json
import re
import shutil
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import requests

from scripts.errors import UserError
from scripts.serving import processes, traffic
from scripts.serving.edge import TEMPLATES, Edge
from scripts.serving.live import Live
from scripts.serving.places import Ports
from tests.integration.changing import load
from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.usefixtures("left_as_it_was")


def test_a_split_under_load_loses_nothing(server: Server, cell: bytes) -> None:
    with load(server, cell) as answers:
        for split in ("1.0=50 2.0=50", "1.0=0 2.0=100", "1.0=100 2.0=0"):
            before = answers()
            assert server.ask("split", split)
            assert processes.wait_until(lambda before=before: (answers() - before).total() > 20, 30)  # type: ignore[misc]
    assert {status for status, _ in answers()} == {200}
    assert {version for _, version in answers()} == {"1.0", "2.0"}


def test_a_split_is_in_effect_when_the_command_returns(server: Server, cell: bytes) -> None:
    assert server.ask("split", "1.0=0", "2.0=100") == {"split": {"1.0": 0, "2.0": 100}}
    assert {server.predict(cell).headers["x-model-version"] for _ in range(20)} == {"2.0"}
    # Weight 0 keeps a version on its own path.
    assert server.predict(cell, "1.0").headers["x-model-version"] == "1.0"
    status = server.ask("status")
    assert [status["versions"][version]["weight"] for version in ("1.0", "2.0")] == [0, 100]
    assert status["versions"]["2.0"]["default"] is True


def test_a_promoted_version_gets_everything_and_a_rollback_takes_it_back(server: Server, cell: bytes) -> None:
    assert server.ask("promote", "--version", "2.0") == {"split": {"1.0": 0, "2.0": 100}}
    assert {server.predict(cell).headers["x-model-version"] for _ in range(20)} == {"2.0"}
    assert server.ask("rollback") == {"split": {"1.0": 90, "2.0": 10}}
    assert traffic.read(server.traffic).split == {"1.0": 90, "2.0": 10}
    last = json.loads((server.run_dir / "history.jsonl").read_text().splitlines()[-1])
    assert (last["before"], last["after"], last["reason"]) == (
        {"1.0": 0, "2.0": 100},
        {"1.0": 90, "2.0": 10},
        "rollback",
    )


@pytest.mark.parametrize(("split", "all_of_them"), [("1.0=100 2.0=0", "1.0"), ("1.0=0 2.0=100", "2.0")])
def test_a_weight_of_0_gets_exactly_none(server: Server, split: str, all_of_them: str) -> None:
    """Of 2,000 requests, half of them of as many users. An empty body is refused by the version that was drawn."""
    server.ask("split", split)

    def met(numbers: range) -> Counter[tuple[int, str]]:
        with requests.Session() as session:
            url = f"{server.url}/predictions/{MODEL}"
            users = [{"x-user-id": f"user-{number}"} if number % 2 else {} for number in numbers]
            answers = [session.post(url, headers=user, timeout=60) for user in users]
        return Counter((answer.status_code, answer.headers["x-model-version"]) for answer in answers)

    with ThreadPoolExecutor(4) as pool:
        counts = sum(pool.map(met, (range(at, at + 500) for at in range(0, 2000, 500))), Counter())
    assert counts == {(400, all_of_them): 2000}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_split_that_is_interrupted_is_taken_back(server: Server, number: signal.Signals) -> None:
    before = server.traffic.read_text()
    envoy = psutil.Process(json.loads((server.run_dir / "state.json").read_text())["servers"]["envoy"]["pid"])
    # It takes no file meanwhile, so the command waits.
    envoy.suspend()
    try:
        with server.spawn("split", "1.0=50", "2.0=50") as process:
            assert processes.wait_until(lambda: server.traffic.read_text() != before, 20)
            process.send_signal(number)
            # Until then it undoes, for which Envoy has to answer.
            processes.wait_until(lambda: server.traffic.read_text() == before, 1)
            envoy.resume()
            process.communicate(timeout=30)
            assert process.returncode != 0
    finally:
        envoy.resume()
    assert server.traffic.read_text() == before
    assert server.ask("status")["versions"]["2.0"]["effective_weight"] == 10


def test_a_version_that_is_not_there_can_not_be_promoted(server: Server) -> None:
    done = server.verb("promote", "--version", "3.0")
    assert (done.returncode, server.ask("status")["versions"]["1.0"]["effective_weight"]) == (1, 90)
    assert "version 3.0 is not registered" in done.stderr


def test_raising_a_later_version_moves_users_to_it_and_none_away(server: Server, cell: bytes) -> None:
    def met() -> dict[str, str]:
        users = [f"user-{number}" for number in range(100)]
        return {user: server.predict(cell, headers={"x-user-id": user}).headers["x-model-version"] for user in users}

    before = met()
    server.ask("split", "1.0=60 2.0=40")
    after = met()
    moved = {(before[user], after[user]) for user in before if before[user] != after[user]}
    assert moved == {("1.0", "2.0")}


def test_a_split_keeps_the_comments_of_traffic_yaml(server: Server) -> None:
    before = server.traffic.read_text()
    server.ask("split", "1.0=80 2.0=20")
    after = server.traffic.read_text()
    assert [line for line in before.splitlines() if line.lstrip().startswith("#")] == [
        line for line in after.splitlines() if line.lstrip().startswith("#")
    ]
    assert after != before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("1.0=50 2.0=40", "the weights add up to 90; make it 100"),
        ("1.0=50 3.0=50", "version 3.0 is not registered; `make register VERSION=3.0` first"),
        ("1.0=100 3.0=0", "version 3.0 is not registered; `make register VERSION=3.0` first"),
        ("1.0:50", "'1.0:50' is no VERSION=PERCENT"),
        ("1.0=50 1.0=50", "1.0 is named twice"),
    ],
)
def test_a_split_that_can_not_be_is_one_sentence_and_changes_nothing(server: Server, words: str, sentence: str) -> None:
    before = server.traffic.read_text()
    refused = server.verb("split", words)
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert server.traffic.read_text() == before


def test_a_split_that_envoy_refuses_is_reported_and_taken_back(server: Server, cell: bytes, tmp_path: Path) -> None:
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    routes = templates / "routes.yaml.j2"
    routes.write_text(routes.read_text().replace('("version-" ~ version)', '("nowhere-" ~ version)'))
    file = server.traffic.read_text()
    rendered = (server.run_dir / "edge" / "routes.yaml").read_text()
    with Live.attach(server.environment) as live:
        broken = replace(live, edge=Edge(server.run_dir, Ports(**server.ports), MODEL, templates))
        text = re.sub(r"split: .*", 'split: {"1.0": 30, "2.0": 70}', file)
        with pytest.raises(UserError, match=r"Envoy refuses .*routes\.yaml: .*unknown cluster 'nowhere-1\.0'"):
            broken.commit(text, "split")
    assert server.traffic.read_text() == file
    assert (server.run_dir / "edge" / "routes.yaml").read_text() == rendered
    assert server.predict(cell).status_code == 200
    # And the next one goes through.
    assert server.ask("split", "1.0=30 2.0=70")


def test_healthz_follows_the_split(server: Server) -> None:
    """A version without a worker matters as long as it has weight."""

    def healthz() -> int:
        return requests.get(f"{server.url}/healthz", timeout=10).status_code

    def workers(number: int) -> None:
        url = f"{server.management_url}/models/{MODEL}/2.0"
        scale = {"min_worker": number, "max_worker": number, "synchronous": "true"}
        requests.put(url, params=scale, timeout=60).raise_for_status()

    workers(0)
    try:
        assert processes.wait_until(lambda: healthz() == 503, 30)
        answer = requests.get(f"{server.url}/healthz", timeout=10)
        assert answer.json()["error"]["code"] == "not_ready"
        server.ask("split", "1.0=100 2.0=0")
        assert processes.wait_until(lambda: healthz() == 200, 30)
        refused = server.verb("split", "1.0=90 2.0=10")
        assert refused.returncode == 1
        assert "version 2.0 has no worker that is ready" in refused.stderr
    finally:
        workers(1)
    server.ask("split", "1.0=90 2.0=10")
    assert processes.wait_until(lambda: healthz() == 200, 30)


def test_torchserves_own_refusal_has_the_contracts_shape(server: Server, cell: bytes) -> None:
    url = f"{server.management_url}/models/{MODEL}/2.0"
    requests.put(url, params={"min_worker": 0, "max_worker": 0, "synchronous": "true"}, timeout=60).raise_for_status()
    try:
        answer = server.predict(cell, "2.0")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert "no worker" in answer.json()["error"]["message"]
    finally:
        requests.put(url, params={"min_worker": 1, "max_worker": 1, "synchronous": "true"}, timeout=60)


def test_a_shadow_gets_copies_and_its_answers_are_thrown_away(server: Server, cell: bytes) -> None:
    server.ask("split", "1.0=100 2.0=0")
    assert server.ask("shadow", "--version", "2.0", "--percent", "100")["shadow"] == {"version": "2.0", "percent": 100}
    answer = server.predict(cell, headers={"x-request-id": "shadowed"})
    assert answer.headers["x-model-version"] == "1.0"

    def logged() -> set[tuple[str, bool, int]]:
        lines = (server.run_dir / "access.log").read_text().splitlines()
        entries = [entry for line in lines if (entry := json.loads(line))["request_id"] == "shadowed"]
        return {(entry["version"], entry["shadow"], entry["status"]) for entry in entries}

    assert processes.wait_until(lambda: logged() == {("1.0", False, 200), ("2.0", True, 200)}, 30)
    assert server.ask("shadow", "--percent", "0") == {"shadow": None}
    assert "shadow: null" in server.traffic.read_text()
