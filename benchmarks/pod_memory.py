"""What the processes of a rendered pod take in memory under load, beside its manifest's requests and limits.

Run as `python -m benchmarks.pod_memory`. The pod is version 2.0's of the overlay `local`, with the archives of the
model store; its containers are processes of this machine (tests/kubernetes/pod). No cgroup holds them: what the
manifest sets for Java's heap and buffers does, and what is over a limit is what a node would have ended.
"""

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks import client, product, workload
from benchmarks.client import Load
from benchmarks.workload import JPEG_QUALITY, Workload
from scripts import cli
from scripts.kubernetes import names, render
from scripts.kubernetes.kubectl import Kubectl
from scripts.markdown import table
from scripts.pipeline.data import elpv
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY, Places
from tests.kubernetes.pod.kubelet import Kubelet
from tests.kubernetes.pod.manifest import Pod, pod
from tests.kubernetes.pod.tree import Tree

RESULT = REPOSITORY / "benchmarks" / "results" / "pod_memory.md"
VERSION = product.INT8
CALLERS, DURATION_S = 16, 20
# 25 megapixels, the most that the handler takes; with so much noise, as a camera's, a JPEG of it has 8.7 MB.
SIDE, NOISE, LARGE_IMAGES = 5000, 9, 4
READY_WITHIN_S = 60
_LOOK_EVERY_S = 0.05
_MIB = 1 << 20
_ALL = "all at once"


@dataclass(frozen=True)
class Peaks:
    """One load.

    Attributes:
        kind: what was sent.
        mean_bytes: of one.
        load: what came back.
        mib: the most resident memory by container and process; that of `_ALL` is the container's own peak.
    """

    kind: str
    mean_bytes: float
    load: Load
    mib: Mapping[tuple[str, str], float]


def measure(places: Places) -> tuple[Pod, list[Peaks]]:
    """Return the pod, and what it took under each load, the one after the other.

    Raises:
        UserError: wrk, kubectl or an archive is missing.
        Failed: the pod does not come up, with the words of the container that ended.
    """
    client.require()
    with tempfile.TemporaryDirectory(prefix="pod-") as name:
        folder = Path(name).resolve()  # short: the path of a Unix socket holds 108 bytes
        archives = (workload.unpack(places.archive(product.MODEL, VERSION), folder / "archive"),)
        loads = [
            workload.prepare("cell", archives, folder),
            workload.collect("large JPEG", list(_large()), archives, folder, LARGE_IMAGES),
        ]
        rendered = _rendered(folder / "kubernetes")
        kubelet = Kubelet(rendered, Tree.of_repository(folder / "root", places.model_store), folder / "pod")
        try:
            kubelet.start()
            kubelet.becomes_ready(READY_WITHIN_S)
            return rendered, [_peaks(kubelet, each) for each in loads]
        finally:
            kubelet.kill()


def report(rendered: Pod, found: Sequence[Peaks]) -> str:
    """Return the figures as Markdown."""
    head = ("container", "process", *(f"{each.kind}s, MiB" for each in found), "request", "limit")
    rows = []
    for container, process in found[0].mib:
        bounds = ["", ""]
        if process == _ALL:
            described = rendered.container(container)
            bounds = [f"{described.memory_bytes(which) / _MIB:.0f}" for which in ("requests", "limits")]
        rows.append((container, process, *(f"{each.mib[container, process]:.0f}" for each in found), *bounds))
    loads = [
        f"- {each.kind}s of {each.mean_bytes / 1e6:.2f} MB: {each.load.right} right answers, "
        f"{each.load.failures} failures, p95 {each.load.p95_ms:.0f} ms"
        for each in found
    ]
    said = f"Written by `python -m benchmarks.pod_memory`: peaks of {DURATION_S} s each with {CALLERS} callers."
    return "\n".join(["# Memory of a pod", "", said, "", table(head, rows), "", *loads])


def main() -> None:
    """Measure, print the table and write it to benchmarks/results."""
    text = report(*measure(Places.from_environment(os.environ)))
    RESULT.write_text(text + "\n")
    print(text)


def _rendered(folder: Path) -> Pod:
    """Return the version's pod, as the operator's files and the archives here have it."""
    shutil.copytree(Places.from_environment(os.environ).manifests, folder)
    render.bring(Installation.read({**os.environ, "MANIFESTS": str(folder)}))
    documents = [dict(each) for each in Kubectl.find().kustomize(folder / "overlays" / "local")]
    return pod(documents, names.of(VERSION))


def _large() -> Iterator[bytes]:
    generator = np.random.default_rng(20191)
    noise = generator.normal(0, NOISE, (SIDE, SIDE, 1)).astype(np.float32)
    for cell in elpv.cells()[::260]:
        picture = Image.open(cell.path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        stream = io.BytesIO()
        noisy = (np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(stream, "JPEG", quality=JPEG_QUALITY)
        yield stream.getvalue()


def _peaks(kubelet: Kubelet, sent: Workload) -> Peaks:
    with _watched(kubelet) as mib:
        load = client.load(f"{kubelet.url}/predictions/{product.MODEL}", sent, CALLERS, DURATION_S)
    return Peaks(sent.kind, sent.mean_bytes(), load, mib)


@contextmanager
def _watched(kubelet: Kubelet) -> Iterator[dict[tuple[str, str], float]]:
    """Give the peaks of the processes that run now, which grow until the block ends."""
    running = {
        name: {process: _role(process) for process in container.processes()}
        for name, container in kubelet.containers.items()
    }
    peaks: dict[tuple[str, str], float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_S):
            for name, roles in running.items():
                now = {role: process.memory_info().rss / _MIB for process, role in roles.items()}
                for role, mib in (now | {_ALL: sum(now.values())} if now else now).items():
                    peaks[name, role] = max(mib, peaks.get((name, role), 0))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def _role(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    for part, role in {"model_service_worker.py": "worker", "org.pytorch.serve": "Java", "envoy": "Envoy"}.items():
        if part in words:
            return role
    return "supervisor"


if __name__ == "__main__":
    cli.run(main)
