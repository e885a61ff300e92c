"""What the handler gives without a server: processes that call it in a loop, on a line of their standard input."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import torch

from benchmarks import stages
from benchmarks.workload import Workload
from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from scripts.serving.places import REPOSITORY

BATCH = 8


@dataclass(frozen=True)
class Ceiling:
    """What all processes did together.

    Attributes:
        rate: images a second.
        cpu_ms: CPU of one image.
    """

    rate: float
    cpu_ms: float


class Callers:
    """Processes that have loaded the handler and wait."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def run(self, workload: Workload, duration_s: float) -> Ceiling:
        """Return what the processes do at the same time for so long."""
        for process in self._processes:
            _tell(process, "loop", workload.kind, BATCH, duration_s)
        found = [json.loads(_line(process)) for process in self._processes]
        images = sum(item["images"] for item in found)
        rate = sum(item["images"] / item["wall_s"] for item in found)
        return Ceiling(rate, 1e3 * sum(item["cpu_s"] for item in found) / images)

    def stages(self, workload: Workload, batch: int, duration_s: float) -> dict[str, float]:
        """Return the CPU of an image by stage, ms, in one of the processes."""
        _tell(self._processes[0], "stages", workload.kind, batch, duration_s)
        found: dict[str, float] = json.loads(_line(self._processes[0]))
        return found


@contextmanager
def callers(archive: Path, workloads: Mapping[str, Workload], count: int) -> Iterator[Callers]:
    """Yield `count` processes with the archive unpacked in `archive`."""
    manifests = json.dumps({kind: [str(path) for path in workload.paths] for kind, workload in workloads.items()})
    command = [sys.executable, "-m", "benchmarks.ceiling", str(archive), manifests]
    pipe = subprocess.PIPE
    # In sessions of their own: a Ctrl-C is for the benchmark, which ends them.
    processes = [
        subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        for _ in range(count)
    ]
    try:
        for process in processes:
            _line(process)
        yield Callers(processes)
    finally:
        for process in processes:
            process.communicate()  # closes their input, which ends them


def _tell(process: subprocess.Popen[str], *words: str | float) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(words) + "\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process that calls the handler ended with status {process.wait()}")
    return line


def main(archive: Path, paths: Mapping[str, list[str]]) -> None:
    """Serve commands: `["loop" or "stages", kind, batch, seconds]` in, what was measured out."""
    torch.set_num_threads(1)
    service = Service.load(archive, Settings())
    images = {kind: [Path(path).read_bytes() for path in files] for kind, files in paths.items()}
    print("ready", flush=True)
    for line in sys.stdin:
        what, kind, *numbers = json.loads(line)
        measure = stages.measure if what == "stages" else _loop
        print(json.dumps(measure(service, images[kind], *numbers)), flush=True)


def _loop(service: Service, images: list[bytes], batch: int, duration_s: float) -> dict[str, float]:
    endless = cycle(images)
    done = 0
    started, cpu_started = time.perf_counter(), time.process_time()
    while time.perf_counter() - started < duration_s:
        service.reply_all([Request({"body": image}, {}) for image in islice(endless, batch)])
        done += batch
    return {"images": done, "wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu_started}


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
