"""`make front` and the verbs that see it, with hosts at which nobody listens."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.serving import processes
from tests.integration.server import Server

pytestmark = pytest.mark.operations

NOBODY = "127.0.0.1"
"""Where its replicas would be, on ports that nothing listens on."""


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Server]:
    """Return an installation whose traffic.yaml names two hosts; nothing runs yet."""
    prepared = Server.prepare(tmp_path, '"1.0": 100', tmp_path / "no archives")
    name_replicas(prepared, prepared.ports["inference"], prepared.ports["metrics"])
    yield prepared
    prepared.verb("stop")
    assert prepared.processes() == []


def name_replicas(front: Server, *ports: int) -> None:
    before, _, _ = front.traffic.read_text().partition("\nreplicas:")
    front.traffic.write_text(
        f"{before}\nreplicas: [{', '.join(f'{{address: {NOBODY}, port: {port}}}' for port in ports)}]\n"
    )


def test_ctrl_c_ends_a_front_and_leaves_nothing(front: Server) -> None:
    with front.spawn("front", "--json") as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert said["url"] == front.url
        assert [(each["port"], each["healthy"]) for each in said["replicas"]] == [
            (front.ports["inference"], False),
            (front.ports["metrics"], False),
        ]
        assert said["try"].startswith("curl ")
        assert said["try"].endswith(f" {front.url}/predictions/mobilenet_v3")
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0
    assert front.processes() == []


def test_the_verbs_of_a_front_in_the_background(front: Server) -> None:
    started = front.verb("start", "--front")
    assert started.returncode == 0, started.stderr
    assert f"front for mobilenet_v3 at {front.url} (healthz 503)" in started.stdout
    status = front.verb("status").stdout
    assert f"{NOBODY}:{front.ports['metrics']}" in status
    assert "0 requests" in status
    split = front.verb("split", "1.0=100")
    assert split.returncode == 1
    assert "is a front, which has no versions; give this command on each replica's host" in split.stderr
    elsewhere = replace(front, environment={**front.environment, "RUN_DIR": str(front.run_dir.with_name("other"))})
    taken = elsewhere.verb("front")
    assert taken.returncode == 1
    assert f"port {front.ports['edge']} (edge) on 127.0.0.1 is taken by envoy" in taken.stderr
    assert "set EDGE_PORT to another" in taken.stderr
    assert front.verb("stop").returncode == 0
    assert front.processes() == []


def test_a_front_that_names_no_host_or_itself_says_so_and_starts_nothing(front: Server) -> None:
    name_replicas(front, front.ports["edge"])
    itself = front.verb("front")
    assert itself.returncode == 1
    assert f"{NOBODY}:{front.ports['edge']} is this front itself; take it out or set EDGE_PORT" in itself.stderr
    front.traffic.write_text('split: {"1.0": 100}\n')
    nobody = front.verb("front")
    assert nobody.returncode == 1
    assert "`replicas` names no host; for example `replicas: [{address: 10.0.0.1, port: 8000}]`" in nobody.stderr
    assert front.processes() == []


def test_an_envoy_that_is_killed_is_started_again(front: Server) -> None:
    front.verb("start", "--front")
    (envoy,) = (process for process in front.processes() if process.name() == "envoy")
    envoy.kill()

    def others() -> list[int]:
        return [process.pid for process in front.processes() if process.name() == "envoy" and process.pid != envoy.pid]

    assert processes.wait_until(others, 15)
    assert processes.wait_until(lambda: front.ask("status")["healthz"] == 503, 15)
