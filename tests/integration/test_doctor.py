"""`make doctor` beside a server that runs."""

import json

from tests.integration.server import Server


def test_a_server_that_runs_is_in_order_and_its_ports_are_its_own(server: Server) -> None:
    done = server.verb("doctor", "--json")
    assert done.returncode == 0, done.stdout
    found = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["server"]["found"].startswith(f"serves at {server.url}")
    assert found["ports"]["found"].startswith("of the server that runs")
