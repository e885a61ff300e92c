"""One run: the product as shipped, then product and peers side by side."""

import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import torch

from benchmarks import ceiling, client, product, rounds, usual_graph, workload
from benchmarks.product import Files, Product
from benchmarks.results import OURS, OURS_DIRECT, OURS_FLOAT, Results
from benchmarks.rounds import Field, Plan
from benchmarks.servers import ENVIRONMENT, PEERS, PYTHON, WORKERS, Servers, Target
from benchmarks.workload import Workload
from handler import arithmetic
from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.files import sha256
from scripts.pipeline.spec import MODELS, Spec
from scripts.serving.places import REPOSITORY, Places

STARTS = 3


def measure(plan: Plan, progress: Callable[[str], None]) -> Results:
    """Return what everybody did under `plan`.

    Raises:
        UserError: something is not installed, does not start, or answers wrongly.
    """
    client.require()
    if not PYTHON.is_file():
        raise UserError(f"the peers are not installed in {ENVIRONMENT}; `make bench-setup` does it.")
    store = Places.from_environment(os.environ)
    # Short: the path of a Unix socket holds 108 bytes.
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name).resolve()
        archives = {
            version: workload.unpack(store.archive(product.MODEL, version), folder / version)
            for version in (product.FLOAT32, product.INT8)
        }
        workloads = {kind: workload.prepare(kind, tuple(archives.values()), folder) for kind in workload.KINDS}
        results = Results(_machine(archives[product.INT8], workloads))
        results.machine["rounds"] = plan.describe()
        image = workloads["photo"].paths[0].read_bytes()
        for number in range(min(STARTS, plan.rounds)):
            with product.running(folder / f"shipped{number}", image, Files.shipped()) as shipped:
                results.first_answer_s.append(shipped.first_answer_s)
        progress("started the product as shipped; starting everybody")
        spec = _require_same_checkpoint(archives[product.INT8])
        usual = usual_graph.build(spec, folder)
        results.machine["the peers' graph"] = usual.describe()
        environment = {"BENCH_ARCHIVE": str(archives[product.INT8]), "BENCH_GRAPH": str(usual.path)}
        with (
            product.running(folder / "ours", image, Files.for_comparison()) as ours,
            Servers(folder, environment) as peers,
        ):
            with ceiling.callers(archives[product.INT8], workloads, WORKERS) as callers:
                direct = [ours.without_edge(OURS_DIRECT, product.INT8)]
                field = Field([*_own(ours), *_start(peers, folder, spec)], direct, callers, workloads)
                results.labels_checked = rounds.check_labels(field)
                progress(f"{results.labels_checked} labels are right; measuring")
                rounds.run(plan, field, results, progress)
            results.worker_mb.extend(
                size for part in ours.torchserve if part.name == "workers" for size in part.resident_mb()
            )
    return results


def _own(ours: Product) -> list[Target]:
    return [
        ours.through_edge(OURS, product.INT8),
        ours.through_edge(OURS_FLOAT, product.FLOAT32, pinned=True),
    ]


def _start(peers: Servers, folder: Path, spec: Spec) -> list[Target]:
    _build_stock(folder, spec)
    return [*(peers.start(peer) for peer in PEERS), peers.start_stock(folder)]


def _require_same_checkpoint(archive: Path) -> Spec:
    """Return the spec whose checkpoint the peers run.

    Raises:
        UserError: the archive is of another one.
    """
    spec = Spec.load(MODELS / "elpv")
    checkpoint = sha256(spec.checkpoint_path)
    if Metadata.load_verified(archive).training.get("checkpoint_sha256") != checkpoint:
        raise UserError(
            f"the archives are not of {spec.checkpoint_path}, which the peers run; build them again: `make "
            "bench` does, and so does `make archive VERSION=… PRECISION=…` for 1.0 and 2.0."
        )
    return spec


def _build_stock(folder: Path, spec: Spec) -> None:
    command = [str(PYTHON), "-m", "benchmarks.peers.stock.build", str(spec.checkpoint_path), ",".join(spec.labels)]
    done = subprocess.run([*command, str(folder)], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"the stock handler's archive can't be built: {done.stderr.strip()}")


def _machine(archive: Path, workloads: Mapping[str, Workload]) -> dict[str, Any]:
    metadata = Metadata.load_verified(archive)
    sizes = ", ".join(f"{kind} {found.mean_bytes() / 1000:.0f} kB" for kind, found in workloads.items())
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "arithmetic": arithmetic.choose(
            metadata.graphs, "auto", torch.cpu.get_capabilities(), metadata.gate.get("unmeasured", {})
        ),
        "images": f"{len(workloads['photo'].paths)} of each kind, mean size: {sizes}",
        "client": "wrk, two threads, on the same cores",
        "versions": ", ".join(f"{name} {installed(name)}" for name in ("torch", "torchserve", "onnxruntime", "numpy")),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
