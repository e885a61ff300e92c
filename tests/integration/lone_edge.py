"""A real Envoy as deploy/edge describes it, in front of a small server of a test's own instead of TorchServe."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import MappingProxyType

import psutil

from scripts.serving import envoy_process, processes, traffic
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.keys import Key
from scripts.serving.places import REPOSITORY, Ports
from scripts.serving.processes import Record
from scripts.serving.traffic import Traffic
from tests.http_server import HttpServer, serving
from tests.integration.server import MODEL, free_ports


@dataclass(frozen=True)
class LoneEdge:
    """The edge, its process, its files, and what it was started with."""

    ports: Ports
    process: psutil.Process
    files: Edge
    wanted: Traffic

    @property
    def url(self) -> str:
        """Where predictions are asked for."""
        return f"http://127.0.0.1:{self.ports.edge}/predictions/{MODEL}"


@contextmanager
def lone_edge(  # noqa: PLR0913  (what an edge is rendered of)
    handler: type[BaseHTTPRequestHandler],
    *,
    prediction_log: bool = False,
    harvest: bool = False,
    keys: Mapping[str, object] = MappingProxyType({}),
    admitted: Mapping[str, Key] = MappingProxyType({}),
    requests_at_once: int = 100,
    **settings: object,
) -> Iterator[LoneEdge]:
    """Run an edge with traffic.yaml as it is shipped, but for some keys, and some settings of `edge`.

    Args:
        handler: the server behind the edge: TorchServe's inference and management in one.
        prediction_log: as config.properties would have it.
        harvest: the same.
        keys: as in {"sticky_header": None}.
        requests_at_once: as `job_queue_size` of config.properties.
        admitted: as keys.yaml would have it.
        settings: as in max_memory_bytes=128_000_000, address="10.0.0.1".
    """
    server = HttpServer(("127.0.0.1", 0), handler)
    with serving(server), tempfile.TemporaryDirectory(prefix="edge-") as name:
        own = free_ports(Ports(monitoring=9102))
        ports = replace(Ports(**own), inference=server.server_port, management=server.server_port)
        wanted = traffic.read(REPOSITORY / "traffic.yaml")
        there = wanted.edge.model_copy(update={"port": ports.edge} | settings)
        edge = Edge(
            Path(name),
            ports,
            MODEL,
            keys=admitted,
            prediction_log=prediction_log,
            harvest=harvest,
            requests_at_once=requests_at_once,
        )
        wanted = wanted.model_copy(update={**keys, "edge": there})
        with envoy(edge, ports, wanted) as process:
            yield LoneEdge(ports, process, edge, wanted)


@contextmanager
def envoy(edge: Edge, ports: Ports, wanted: Traffic) -> Iterator[psutil.Process]:
    """Run an Envoy with the files of `edge` for what is wanted."""
    edge.prepare(wanted)
    process = envoy_process.start(edge, threads=1)
    try:
        assert processes.wait_until(Admin(ports.admin).answers, 30)
        edge.wait_taken()
        yield psutil.Process(process.pid)
    finally:
        processes.end(Record.of(process.pid), patience_s=10)
        process.wait()
