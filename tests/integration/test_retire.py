"""A version's end: refused while somebody meets it; nothing that was on its way to it is lost."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from scripts.serving import processes, traffic
from scripts.serving.envoy_admin import Admin
from tests.integration.changing import load, patient
from tests.integration.server import MODEL, Server

pytestmark = [pytest.mark.operations, pytest.mark.usefixtures("left_as_it_was")]


def registered(server: Server) -> set[str]:
    found = requests.get(f"{server.management_url}/models/{MODEL}/all", timeout=10).json()
    return {each["modelVersion"] for each in found}


def comments(server: Server) -> list[str]:
    return [line for line in server.traffic.read_text().splitlines() if line.lstrip().startswith("#")]


def test_a_retired_version_leaves_traffic_yaml_the_edge_and_torchserve_and_loses_nothing(
    server: Server, cell: bytes
) -> None:
    before = comments(server)
    with load(server, cell) as answers:
        server.ask("split", "1.0=100")
        assert server.ask("retire", "--version", "2.0") == {"version": "2.0", "was_there": True}
    assert {status for status, _ in answers()} == {200}
    assert traffic.read(server.traffic).split == {"1.0": 100}
    assert comments(server) == before
    assert registered(server) == {"1.0"}
    assert server.predict(cell, "2.0").json()["error"]["message"] == "no such version"
    status = server.ask("status")
    assert (list(status["versions"]), status["missing"], status["healthz"]) == (["1.0"], [], 200)


def test_retiring_a_version_again_is_no_error(server: Server) -> None:
    assert server.ask("retire", "--version", "9.9") == {"version": "9.9", "was_there": False}
    assert server.verb("retire", "--version", "9.9").stdout == "9.9 is not registered\n"


def test_a_default_version_is_retired_after_another_took_its_place(server: Server, cell: bytes) -> None:
    assert server.ask("status")["versions"]["1.0"]["default"] is True
    server.ask("promote", "--version", "2.0")
    server.ask("retire", "--version", "1.0")
    assert server.ask("status")["versions"]["2.0"]["default"] is True
    assert server.predict(cell).headers["x-model-version"] == "2.0"


def test_a_version_that_traffic_yaml_never_named_is_retired_too(server: Server) -> None:
    server.ask("split", "1.0=100")
    server.ask("retire", "--version", "2.0")
    before = server.traffic.read_text()
    server.ask("register", "--version", "2.0")
    assert server.ask("retire", "--version", "2.0")["was_there"] is True
    assert registered(server) == {"1.0"}
    assert server.traffic.read_text() == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("split", "1.0=90", "2.0=10"), "version 2.0 has 10 % of the traffic; `make promote VERSION=1.0` first"),
        (("shadow", "--version", "2.0", "--percent", "5"), "version 2.0 is the shadow; `make shadow PERCENT=0` first"),
    ],
)
def test_a_version_that_gets_requests_is_not_retired_and_nothing_changes(
    server: Server, change: tuple[str, ...], sentence: str
) -> None:
    server.ask("split", "1.0=100")
    server.ask(*change)

    def now() -> tuple[str, Any]:
        # Whether its exporter answers at the moment is a matter of what else runs.
        return server.traffic.read_text(), server.ask("status") | {"exporter": None}

    before = now()
    refused = server.verb("retire", "--version", "2.0")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert sentence in refused.stderr
    assert now() == before


def test_the_only_version_is_not_retired(server: Server) -> None:
    server.ask("split", "1.0=100")
    server.ask("retire", "--version", "2.0")
    refused = server.verb("retire", "--version", "1.0")
    assert refused.returncode == 1
    assert "version 1.0 is the only one" in refused.stderr
    assert registered(server) == {"1.0"}


def test_a_request_that_waits_for_its_batch_is_answered_before_its_version_goes(server: Server, cell: bytes) -> None:
    server.config.write_text(patient(server.config.read_text(), 4000))
    server.ask("apply")
    server.ask("split", "1.0=100")
    admin = Admin(server.ports["admin"])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.predict, cell, "2.0")
        assert processes.wait_until(lambda: admin.active_by_version("2.0") == 1, 30)
        server.ask("retire", "--version", "2.0")
        assert answer.done()
    assert answer.result().status_code == 200


def test_a_rollback_to_a_version_that_was_retired_says_how_it_comes_back(server: Server) -> None:
    server.ask("promote", "--version", "2.0")
    server.ask("retire", "--version", "1.0")
    refused = server.verb("rollback")
    assert refused.returncode == 1
    assert "version 1.0 is not registered; `make register VERSION=1.0` first" in refused.stderr
    server.ask("register", "--version", "1.0")
    assert server.ask("rollback")["split"] == {"2.0": 10, "1.0": 90}
