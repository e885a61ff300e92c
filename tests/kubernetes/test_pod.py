"""A version's pod: what it answers, what can be reached, what it says, and that it comes back."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from scripts.serving import processes
from tests.integration.server import MODEL
from tests.kubernetes.conftest import VERSION
from tests.kubernetes.pod.callers import IMAGE, PATH
from tests.kubernetes.pod.kubelet import ADDRESS, Kubelet

pytestmark = pytest.mark.operations

OTHER = "1.0"
# Of Envoy's admin interface and of TorchServe, none of it anybody's business.
NOT_SHOWN = (
    *("/", "/quitquitquit", "/config_dump", "/healthcheck/fail", "/stats", "/stats/prometheus", "/logging", "/ready"),
    *("/ping", "/models", "/metrics", f"{PATH}", "/metrics/edge/..%2fconfig_dump", "/metrics/release"),
)


def post(pod: Kubelet, body: bytes, path: str = PATH, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(pod.url + path, data=body, headers=IMAGE | named, timeout=60)


def error_of(answer: requests.Response) -> str:
    """Return the code of an error in the contract's JSON."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert isinstance(answer.json()["error"]["message"], str)
    return str(answer.json()["error"]["code"])


def test_its_probes_pass(pod: Kubelet) -> None:
    assert pod.ready()
    assert pod.alive() == {"edge": True, "torchserve": True}


@pytest.mark.parametrize("path", [PATH, f"{PATH}/{VERSION}"])
def test_a_cell_is_answered_by_the_pods_version(pod: Kubelet, cell: bytes, path: str) -> None:
    answer = post(pod, cell, path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-model-version"] == answer.json()["version"] == VERSION
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert {row["label"] for row in answer.json()["predictions"]} == {"functional", "defective"}


def test_the_pin_by_header_leads_to_the_pods_version(pod: Kubelet, cell: bytes) -> None:
    assert post(pod, cell, x_model_version=VERSION).headers["x-model-version"] == VERSION


def test_another_versions_path_is_404(pod: Kubelet, cell: bytes) -> None:
    answer = post(pod, cell, f"{PATH}/{OTHER}")
    assert (answer.status_code, error_of(answer)) == (404, "not_found")
    assert "x-model-version" not in answer.headers


def test_a_pin_by_header_to_another_version_is_404(pod: Kubelet, cell: bytes) -> None:
    answer = post(pod, cell, x_model_version=OTHER)
    assert (answer.status_code, error_of(answer)) == (404, "not_found")
    assert "x-model-version" not in answer.headers


def test_a_body_over_the_cap_is_413(pod: Kubelet) -> None:
    answer = post(pod, b"x" * 16_000_001)
    assert (answer.status_code, error_of(answer)) == (413, "body_too_large")


def test_a_text_is_refused_by_the_handler(pod: Kubelet) -> None:
    answer = post(pod, b"a text", content_type="text/plain")
    assert (answer.status_code, error_of(answer)) == (415, "unsupported_format")
    assert answer.headers["x-model-version"] == VERSION


def test_the_edges_own_output_has_a_line_of_json_for_a_request(pod: Kubelet, cell: bytes) -> None:
    post(pod, cell, x_request_id="logged-once")

    def logged() -> list[dict[str, object]]:
        lines = [line for line in pod.containers["edge"].output.splitlines() if '"logged-once"' in line]
        return [json.loads(line) for line in lines]

    assert processes.wait_until(logged, 10)
    [entry] = logged()
    assert (entry["status"], entry["version"], entry["path"]) == (200, VERSION, f"{PATH}/{VERSION}")


def test_torchserves_output_has_its_own_words_and_the_workers(pod: Kubelet) -> None:
    lines = pod.containers["torchserve"].output.splitlines()
    assert any("org.pytorch.serve.ModelServer - Inference API bind to" in line for line in lines)
    assert any(f"W-9000-{MODEL}_{VERSION}-stdout MODEL_LOG - Torch worker started." in line for line in lines)
    assert "ready" in lines


def test_torchserves_output_has_no_line_a_request(pod: Kubelet, cell: bytes) -> None:
    before = pod.containers["torchserve"].output
    for _ in range(20):
        assert post(pod, cell).status_code == 200
    # What is written with a delay has its time.
    time.sleep(0.5)
    assert pod.containers["torchserve"].output.removeprefix(before) == ""


def test_the_archive_container_says_what_it_has_checked(pod: Kubelet) -> None:
    assert "SHA-256" in pod.containers["archive"].output


def test_the_edge_and_the_metrics_alone_listen_beyond_loopback(pod: Kubelet) -> None:
    pids = {process.pid for container in pod.containers.values() for process in container.processes()}
    listening = {
        (each.laddr.ip, each.laddr.port)
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.pid in pids and each.laddr
    }
    assert {port for _, port in listening} == {port for name, port in pod.ports.items() if name != "worker"}
    beyond = {place for place in listening if place[0] not in ("127.0.0.1", "::ffff:127.0.0.1")}
    assert beyond == {("0.0.0.0", pod.ports["edge"]), ("0.0.0.0", pod.ports["monitoring"])}


def test_nobody_listens_at_the_pods_address_on_a_port_of_loopback(pod: Kubelet) -> None:
    for name in ("inference", "management", "metrics", "admin"):
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://{ADDRESS}:{pod.ports[name]}/", timeout=5)


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("torchserve", f'Images{{ModelName="{MODEL}",ModelVersion="{VERSION}",'),
        ("edge", f'envoy_cluster_upstream_rq_total{{version="{VERSION}"}}'),
    ],
)
def test_the_metrics_of_both_servers_name_the_version(pod: Kubelet, cell: bytes, page: str, line: str) -> None:
    post(pod, cell)

    def shown() -> bool:
        return line in requests.get(f"{pod.monitoring_url}/metrics/{page}", timeout=10).text

    assert processes.wait_until(shown, 10), requests.get(f"{pod.monitoring_url}/metrics/{page}", timeout=10).text


@pytest.mark.parametrize("path", NOT_SHOWN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_metrics_port_shows_nothing_else(pod: Kubelet, method: str, path: str) -> None:
    assert requests.request(method, pod.monitoring_url + path, timeout=10).status_code == 404
    assert pod.alive()["edge"]


def test_a_page_of_metrics_can_not_be_posted_to(pod: Kubelet) -> None:
    assert requests.post(f"{pod.monitoring_url}/metrics/edge", timeout=10).status_code == 404


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("name", ["edge", "torchserve"])
def test_a_containers_first_process_has_a_handler_for_sigterm(pod: Kubelet, name: str) -> None:
    """Process 1 of a container never hears of a signal that it has no handler for."""
    process = pod.containers[name].process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    assert caught >> (signal.SIGTERM - 1) & 1


def test_nothing_is_written_into_a_home(pod: Kubelet) -> None:
    assert list(pod.home.iterdir()) == []


def test_a_worker_that_is_killed_makes_the_pod_unready_until_there_is_another(pod: Kubelet, cell: bytes) -> None:
    [worker] = [
        each for each in pod.containers["torchserve"].processes() if "model_service_worker" in str(each.cmdline())
    ]
    worker.kill()
    assert processes.wait_until(lambda: not pod.ready(), 10)
    assert pod.alive() == {"edge": True, "torchserve": True}
    assert pod.becomes_ready(within_s=30)
    assert post(pod, cell).status_code == 200


def test_torchserves_container_that_is_killed_comes_back_on_the_same_volumes(pod: Kubelet, cell: bytes) -> None:
    process = pod.containers["torchserve"].process
    assert process is not None
    os.killpg(process.pid, signal.SIGKILL)
    # The edge asks once a second; a kubelet takes about as long to start a container again.
    assert processes.wait_until(lambda: not pod.ready(), 10)
    pod.start_again("torchserve")
    assert pod.becomes_ready(within_s=10)
    assert post(pod, cell).status_code == 200


def test_the_edge_that_is_killed_comes_back_while_torchserve_runs_on(pod: Kubelet, cell: bytes) -> None:
    torchserve = pod.containers["torchserve"]
    before = torchserve.process
    pod.containers["edge"].kill()
    assert not pod.ready()
    pod.start_again("edge")
    assert pod.becomes_ready(within_s=10)
    assert torchserve.process is before
    assert post(pod, cell).status_code == 200


def test_a_drain_does_not_outlast_the_container_that_it_was_for(pod: Kubelet, cell: bytes) -> None:
    """A liveness probe that fails has the same preStop run, but the edge stays, and the container comes back."""
    torchserve = pod.containers["torchserve"]
    assert torchserve.manifest.lifecycle is not None
    with torchserve.begun(torchserve.manifest.lifecycle.pre_stop.exec.command):
        assert processes.wait_until(lambda: not pod.ready(), 10)
        torchserve.kill()
    pod.start_again("torchserve")
    assert pod.becomes_ready(within_s=10)
    assert pod.alive() == {"edge": True, "torchserve": True}
    assert post(pod, cell).status_code == 200
