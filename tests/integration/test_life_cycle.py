"""Starting, stopping, and every way in which that goes wrong: nothing is ever left running."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
import requests

from scripts.serving import processes, state
from scripts.serving.envoy_admin import Admin
from tests.integration.changing import patient
from tests.integration.server import MODEL, Server


def started(server: Server) -> state.State:
    done = server.verb("start")
    assert done.returncode == 0, done.stderr
    running = state.running(server.run_dir)
    assert running is not None
    return running


def gone(server: Server) -> bool:
    return processes.wait_until(lambda: not server.processes(), 60)


def test_start_status_stop(own_server: Server) -> None:
    printed = own_server.verb("start").stdout
    assert f"serving at {own_server.url}" in printed
    assert "CC BY-NC-SA 4.0" in printed
    assert re.search(r"curl -H 'content-type: image/\w+' --data-binary @\S+ http", printed)
    assert requests.get(f"{own_server.url}/healthz", timeout=10).status_code == 200
    status = own_server.ask("status")
    assert (status["running"], status["healthz"], status["url"]) == (True, 200, own_server.url)
    assert status["versions"]["1.0"] | {"workers": None} == {
        "weight": 100,
        "effective_weight": 100,
        "shadow_percent": 0,
        "default": True,
        "workers": None,
        "batch_size": 8,
        "max_batch_delay_ms": 1,
        "queue": 0,
        "precision": "float32",
        "arithmetic": "fp32",
        "healthy": True,
        "ejected": None,
    }
    again = own_server.verb("start")
    assert (again.returncode, again.stdout) == (0, f"already runs: {own_server.url}\n")
    second = own_server.verb("serve")
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert own_server.ask("stop") == {"was_running": True, "left_behind": []}
    assert own_server.processes() == []
    assert own_server.ask("stop") == {"was_running": False, "left_behind": []}
    assert own_server.ask("status")["running"] is False


@pytest.mark.operations
def test_ctrl_c_lets_a_request_that_is_under_way_have_its_answer_and_ends_in_order(
    own_server: Server, cell: bytes
) -> None:
    """It waits three seconds for a batch to fill."""
    own_server.config.write_text(patient(own_server.config.read_text(), 3000, "1.0"))
    admin = Admin(own_server.ports["admin"])
    with own_server.spawn("serve") as serve, ThreadPoolExecutor(1) as pool:
        assert processes.wait_until(lambda: _phase(own_server) == "serving", 60)
        answer = pool.submit(own_server.predict, cell)
        assert processes.wait_until(lambda: admin.active_requests() == 1, 30)
        serve.send_signal(signal.SIGINT)
        output, errors = serve.communicate(timeout=60)
    assert answer.result().status_code == 200
    assert (serve.returncode, errors) == (0, ""), output
    assert own_server.processes() == []


@pytest.mark.parametrize("server_name", [None, "torchserve"])
def test_ctrl_c_during_the_start_leaves_nothing(own_server: Server, server_name: str | None) -> None:
    """Before anything runs, and while TorchServe comes up."""

    def reached() -> bool:
        now = state.load(own_server.run_dir)
        return now is not None and (server_name is None or server_name in now.servers)

    with own_server.spawn("serve") as serve:
        assert processes.wait_until(reached, 60, pause_s=0.01)
        serve.send_signal(signal.SIGINT)
        _, errors = serve.communicate(timeout=60)
    assert (serve.returncode, errors) == (130, "interrupted before it was ready\n")
    assert own_server.processes() == []


@pytest.mark.operations
def test_servers_end_with_a_supervisor_that_is_killed_and_stop_finds_what_is_left(own_server: Server) -> None:
    running = started(own_server)
    psutil.Process(running.supervisor.pid).kill()
    assert gone(own_server)
    assert own_server.verb("stop").returncode == 0
    assert own_server.verb("stop").stdout == f"nothing runs from {own_server.run_dir}\n"


@pytest.mark.operations
def test_stop_ends_what_a_killed_supervisor_could_not(own_server: Server) -> None:
    """A worker that hangs does not notice that TorchServe is gone."""
    running = started(own_server)
    [worker] = [process for process in own_server.processes() if "model_service_worker" in " ".join(process.cmdline())]
    worker.suspend()
    psutil.Process(running.supervisor.pid).kill()
    psutil.Process(running.servers["torchserve"].pid).kill()
    assert processes.wait_until(lambda: not running.servers["torchserve"].alive(), 60)
    assert own_server.ask("status")["left_behind"] == ["torchserve"]
    assert own_server.ask("stop") == {"was_running": False, "left_behind": ["torchserve"]}
    assert own_server.processes() == []


def test_a_busy_port_is_named_with_its_variable_and_its_holder(own_server: Server) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", own_server.ports["management"]))
        holder.listen()
        refused = own_server.verb("serve")
    assert refused.returncode == 1
    port = own_server.ports["management"]
    assert f"port {port} (management) on 127.0.0.1 is taken by" in refused.stderr
    assert f"(pid {os.getpid()})" in refused.stderr
    assert "MANAGEMENT_PORT" in refused.stderr
    assert own_server.processes() == []


@pytest.mark.parametrize("verb", ["serve", "start"])
def test_a_missing_archive_is_named_before_anything_starts(own_server: Server, verb: str) -> None:
    traffic = own_server.traffic.read_text()
    own_server.traffic.write_text(traffic.replace('{"1.0": 100}', '{"1.0": 90, "7.0": 10}'))
    refused = own_server.verb(verb)
    assert refused.returncode == 1
    assert f"{MODEL}-7.0.mar: no such archive" in refused.stderr
    assert not (own_server.run_dir / "state.json").exists()


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("job_queue_sise=9", "unknown key `job_queue_sise`; did you mean `job_queue_size`?"),
        ("handler.treads=2", "unknown key `treads`; did you mean `threads`?"),
        ("load_models=all", "`load_models` can't be chosen"),
    ],
)
def test_a_mistake_in_config_properties_is_one_sentence_before_anything_starts(
    own_server: Server, key: str, sentence: str
) -> None:
    own_server.config.write_text(f"{own_server.config.read_text()}\n{key}\n")
    refused = own_server.verb("start")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {own_server.config}: ")
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (own_server.run_dir / "state.json").exists()


@pytest.mark.operations
def test_a_worker_that_does_not_come_up_is_named_with_its_reason_and_nothing_is_left(
    own_server: Server, broken_archive: Callable[[str, str], None]
) -> None:
    broken_archive("8.8", "raise RuntimeError('the weights are for another graph')")
    own_server.traffic.write_text(own_server.traffic.read_text().replace('"1.0"', '"8.8"'))
    refused = own_server.verb("start")
    assert refused.returncode == 1
    assert "version 8.8: its worker does not come up" in refused.stderr
    assert "RuntimeError: the weights are for another graph" in refused.stderr
    assert own_server.processes() == []


def test_an_address_that_is_not_this_machines_is_named(own_server: Server) -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    own_server.traffic.write_text(own_server.traffic.read_text().replace("address: 127.0.0.1", "address: 192.0.2.1"))
    own_server.ask("key", "--name", "somebody")
    refused = own_server.verb("start")
    assert refused.returncode == 1
    assert "on 192.0.2.1 can't be bound" in refused.stderr
    assert own_server.processes() == []


def _phase(server: Server) -> str | None:
    now = state.load(server.run_dir)
    return now and now.phase


def test_stop_leaves_other_peoples_processes_alone(own_server: Server) -> None:
    """A number in state.json that belongs to somebody else by now."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        own = processes.Record.of(stranger.pid)
        record = replace(own, created_s=own.created_s - 100)
        ports = state.Ports()
        state.State("serving", record, ports, "http://x", "elpv", {"torchserve": record}).save(own_server.run_dir)
        assert own_server.verb("stop").stdout == f"nothing runs from {own_server.run_dir}\n"
        assert stranger.poll() is None
        stranger.kill()
