"""`make status WATCH=1` and `make monitor`, beside a real server."""

import json
import shutil
import signal

import pytest
import requests

from scripts.serving import processes
from tests.integration.server import Server

pytestmark = pytest.mark.operations


@pytest.mark.usefixtures("traffic")
def test_watching_shows_both_versions_at_work_until_ctrl_c(server: Server) -> None:
    with server.spawn("status", "--watch", "--json") as watching:
        assert watching.stdout is not None
        seen = (json.loads(line) for line in watching.stdout)
        facts = next(facts for facts in seen if all(about["p95_ms"] for about in facts["versions"].values()))
        watching.send_signal(signal.SIGINT)
        _, errors = watching.communicate(timeout=30)
    assert (watching.returncode, errors) == (0, "")
    assert {version: about["weight"] for version, about in facts["versions"].items()} == {"1.0": 50, "2.0": 50}
    for about in facts["versions"].values():
        assert (about["ready"], about["wanted"]) == (1, 1)
        assert about["requests_per_s"] > 0
        assert about["queue_ms"] > 0


def test_monitor_runs_a_prometheus_with_the_rules_until_ctrl_c(server: Server) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not on the PATH")
    with server.spawn("monitor", "--json") as monitor:
        assert monitor.stdout is not None
        url = json.loads(monitor.stdout.readline())["url"]
        assert url.endswith(server.environment["PROMETHEUS_PORT"])

        def targets() -> set[str]:
            found = requests.get(f"{url}/api/v1/targets", timeout=10).json()["data"]["activeTargets"]
            return {target["labels"]["job"] for target in found if target["health"] == "up"}

        assert processes.wait_until(lambda: targets() == {"torchserve", "envoy", "release"}, 60)
        groups = requests.get(f"{url}/api/v1/rules", timeout=10).json()["data"]["groups"]
        assert {rule["name"] for group in groups for rule in group["rules"]} >= {
            "ServerIsDown",
            "version:requests:rate5m",
        }
        monitor.send_signal(signal.SIGINT)
        _, errors = monitor.communicate(timeout=30)
    assert (monitor.returncode, errors) == (0, "")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/-/ready", timeout=10)
