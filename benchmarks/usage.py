"""What a server costs: CPU seconds and memory of its processes, by part."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from scripts.serving.processes import Record, wait_until

MEGABYTE = 1e6
# A server that has answered everything uses less than this of one core.
_IDLE_CORES = 0.15
_LOOK_S = 0.1
_SETTLED_WITHIN_S = 3.0


@dataclass(frozen=True)
class Part:
    """A server's processes under one name, as they were found when it was ready.

    Attributes:
        name: `edge`, `front end`, `workers` or `server`.
        processes: none of them is replaced while it is measured, or the answers in flight would be failures.
    """

    name: str
    processes: tuple[psutil.Process, ...]

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used, user and system."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)

    def suspend(self) -> None:
        """Stop every process."""
        for process in self.processes:
            process.suspend()

    def resume(self) -> None:
        """Let every process go on."""
        for process in self.processes:
            process.resume()

    def resident_mb(self) -> tuple[float, ...]:
        """Return the resident memory of each process, MB, largest first."""
        return tuple(sorted((process.memory_info().rss / MEGABYTE for process in self.processes), reverse=True))


def torchserve(record: Record) -> list[Part]:
    """Return the front end (Java) and the workers (Python) of a TorchServe."""
    members = record.members()
    return [
        Part("front end", tuple(process for process in members if process.pid == record.pid)),
        Part("workers", tuple(process for process in members if _is_worker(process))),
    ]


def _is_worker(process: psutil.Process) -> bool:
    """Return whether it answers: once a minute the front end also starts a short program that reads system metrics."""
    try:
        return any(word.endswith("model_service_worker.py") for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def whole(record: Record, name: str = "server") -> list[Part]:
    """Return all processes of a session as one part."""
    return [Part(name, tuple(record.members()))]


def read(parts: list[Part]) -> dict[str, float]:
    """Return the CPU seconds by part."""
    return {part.name: part.cpu_s() for part in parts}


def since(before: Mapping[str, float], parts: list[Part]) -> dict[str, float]:
    """Return the CPU seconds by part since `before` was read."""
    return {name: after - before[name] for name, after in read(parts).items()}


def total(parts: list[Part]) -> float:
    """Return the CPU seconds of all parts."""
    return sum(part.cpu_s() for part in parts)


def settle(parts: list[Part]) -> None:
    """Return when a server is idle: what waits in its queue when a client ends would be the next one's burden."""
    wait_until(lambda: _cores(parts) < _IDLE_CORES, _SETTLED_WITHIN_S, pause_s=0)


def _cores(parts: list[Part]) -> float:
    before, began = total(parts), time.monotonic()
    time.sleep(_LOOK_S)
    return (total(parts) - before) / (time.monotonic() - began)
