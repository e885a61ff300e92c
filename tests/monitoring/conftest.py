"""A server with a split over two versions, traffic with broken images in it, and a Prometheus that looks on."""

import itertools
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.canarying.plan import Plan
from scripts.canarying.record import Record, State
from scripts.serving import exporter_process, monitoring, processes
from scripts.serving.exposition import Sample, parse
from scripts.serving.monitoring import Prometheus
from scripts.serving.places import Ports
from tests.conftest import MODEL_STORE
from tests.integration.server import MODEL, Server, free_ports


@pytest.fixture(scope="session")
def server(float32_archive: Path, int8_archive: Path) -> Iterator[Server]:
    """Return a server with half of the traffic a version, copies of all to 2.0, and a canary."""
    # A short path: a socket's name has 108 bytes.
    with tempfile.TemporaryDirectory(prefix="ts-") as name:
        server = Server.prepare(Path(name).resolve(), '"1.0": 50, "2.0": 50', MODEL_STORE)
        server = replace(server, environment={**server.environment, "PROMETHEUS_PORT": str(free_ports()["admin"])})
        shipped = server.traffic.read_text()
        server.traffic.write_text(shipped.replace("shadow: null", 'shadow: {version: "2.0", percent: 100}'))
        started = server.verb("start")
        assert started.returncode == 0, started.stderr
        note_canary(server, "step")
        yield server
        assert server.verb("stop").returncode == 0
        assert server.processes() == []


def note_canary(server: Server, state: State) -> None:
    """Note a canary of 2.0 as `make canary` does, its process being this one."""
    process = processes.Record.of(os.getpid(), session=False)
    Record(Plan("2.0", {"1.0": 100}, (50, 100), 20, 300, 30, 0.1), state, 50, "", time.time(), process).save(
        server.run_dir
    )


@pytest.fixture(scope="session")
def samples(server: Server) -> Callable[[], list[Sample]]:
    """Return what reads every metrics port."""
    exporter = exporter_process.url(server.ports["exporter"])
    pages = (server.metrics_url, f"http://127.0.0.1:{server.ports['admin']}/stats/prometheus", exporter)
    return lambda: [sample for page in pages for sample in parse(requests.get(page, timeout=10).text)]


@pytest.fixture(scope="session")
def traffic(server: Server, cells: list[bytes]) -> Iterator[None]:
    """Send images until the tests end; every fifth is damaged, or none at all."""
    over = threading.Event()
    bodies = itertools.cycle([*cells[:4], cells[0][:1000], *cells[4:8], b"no image"])

    def caller() -> None:
        while not over.is_set():
            server.predict(next(bodies))
            over.wait(0.05)  # The machine is also Prometheus' and the tests'.

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(caller)
        yield
        over.set()
    done.result()


@pytest.fixture(scope="session")
def query(server: Server) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Return what asks a Prometheus that looks at the server every second, rules loaded."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not on the PATH")
    # Apart from the one that `make monitor` starts.
    beside = {**server.environment, "PROMETHEUS_PORT": str(free_ports()["admin"])}
    prometheus = Prometheus.find(server.run_dir / "beside", beside)
    process = prometheus.start(monitoring.render(Ports(**server.ports), MODEL, interval_s=1))

    def ask(expression: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{prometheus.url}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", answer
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    yield ask
    processes.end(processes.Record.of(process.pid), 10)
    process.wait()
