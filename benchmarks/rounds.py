"""The measurement: every target under every load, interleaved, round by round."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from benchmarks import client, usage
from benchmarks.ceiling import Callers
from benchmarks.results import CeilingSample, Results, Sample
from benchmarks.server_metrics import between
from benchmarks.servers import Target
from benchmarks.workload import Workload
from scripts.errors import UserError

# The batches whose stages are profiled: a lone request's, and a full one.
STAGE_BATCHES = (1, 8)
# Smallest and largest of five hold the median with a probability of 94 %.
_ENOUGH_ROUNDS = 5
HEADERS = {"content-type": "application/octet-stream"}


@dataclass(frozen=True)
class Plan:
    """How long and how often.

    Attributes:
        rounds: of everything.
        duration_s: of one load.
        warm_up_s: of the load before the first round.
        loads: (kind of image, connections), the order within a round.
    """

    rounds: int
    duration_s: int
    warm_up_s: int
    loads: tuple[tuple[str, int], ...]

    def describe(self) -> str:
        """Return how often and how long, and whether that is enough."""
        enough = "" if self.rounds >= _ENOUGH_ROUNDS else "; too few to decide anything"
        return f"{self.rounds}, every load for {self.duration_s} s in each{enough}"


# Java goes on compiling through its first thousands of requests.
FULL = Plan(5, 2, 8, (("photo", 1), ("photo", 4), ("photo", 16), ("photo", 64), ("cell", 16)))
QUICK = Plan(2, 2, 1, (("photo", 1), ("photo", 16), ("photo", 64)))


@dataclass(frozen=True)
class Field:
    """Everybody who takes part, ready.

    Attributes:
        targets: under every load.
        one_connection_only: measured besides at one connection.
        callers: of the handler in process.
        workloads: by kind.
    """

    targets: Sequence[Target]
    one_connection_only: Sequence[Target]
    callers: Callers
    workloads: Mapping[str, Workload]


def check_labels(field: Field) -> int:
    """Return the number of answers compared: every image, asked of every target once.

    Raises:
        UserError: a target gives another label, or none; a comparison with it would mean nothing.
    """
    compared = 0
    for target in [*field.targets, *field.one_connection_only]:
        for workload in field.workloads.values():
            for label, path in zip(workload.labels, workload.paths, strict=True):
                answer = requests.post(target.url, data=path.read_bytes(), headers=HEADERS, timeout=60)
                if answer.status_code != requests.codes.ok or _first(answer.text, workload) != label:
                    raise UserError(f"{target.name} answers {path.name} ({label}) with {answer.text[:300]}")
                compared += 1
    return compared


def run(plan: Plan, field: Field, results: Results, progress: Callable[[str], None]) -> None:
    """Add every sample of `plan` to `results`.

    Within a round, a load reaches all targets one after the other, in an order of its own: what disturbs the machine
    for some seconds hits another target each time, and a ratio pairs neighbours in time.
    """
    shuffled = random.Random(20191)
    for target in field.targets:
        if target.polls:
            target.rest()
    for target in field.targets:
        with _alone(target):
            client.load(target.url, field.workloads["photo"], 16, plan.warm_up_s)
    for number in range(plan.rounds):
        for kind, connections in plan.loads:
            order = [*field.targets, *(field.one_connection_only if connections == 1 else ())]
            shuffled.shuffle(order)
            for target in order:
                begin = (number, kind, connections)
                with _alone(target):
                    results.samples.append(_sample(begin, target, field, plan.duration_s))
        for kind in dict(plan.loads):
            ceiling = field.callers.run(field.workloads[kind], plan.duration_s)
            results.ceilings.append(CeilingSample(number, kind, ceiling.rate, ceiling.cpu_ms))
        for batch in STAGE_BATCHES:
            found = field.callers.stages(field.workloads["photo"], batch, plan.duration_s)
            results.stages.setdefault(batch, []).append(found)
        progress(f"round {number + 1} of {plan.rounds} is done")


@contextmanager
def _alone(target: Target) -> Iterator[None]:
    """Let a target that rests go on, and wait until it has answered everything before the next one has its turn."""
    if target.polls:
        target.go_on()
        yield
        target.rest()
    else:
        yield
        usage.settle(target.parts)


def _sample(begin: tuple[int, str, int], target: Target, field: Field, duration_s: int) -> Sample:
    number, kind, connections = begin
    others = [part for other in field.targets if not _share(other, target) for part in other.parts]
    metrics = target.metrics.read() if target.metrics else {}
    before, others_before = usage.read(target.parts), usage.total(others)
    load = client.load(target.url, field.workloads[kind], connections, duration_s)
    cpu_s, others_s = usage.since(before, target.parts), usage.total(others) - others_before
    after = target.metrics.read() if target.metrics else {}
    answers = max(load.right, 1)
    return Sample(
        round=number,
        kind=kind,
        connections=connections,
        target=target.name,
        rate=load.rate,
        failures=load.failures,
        p50_ms=load.p50_ms,
        p95_ms=load.p95_ms,
        p99_ms=load.p99_ms,
        cpu_ms={name: 1e3 * value / answers for name, value in cpu_s.items()},
        client_cpu_ms=1e3 * load.client_cpu_s / answers,
        others_cpu=others_s / load.duration_s,
        server=between(metrics, after),
    )


def _share(one: Target, other: Target) -> bool:
    """Return whether two targets are the same processes: the product's two versions are."""
    return one.parts[-1].processes == other.parts[-1].processes


def _first(text: str, workload: Workload) -> str | None:
    """Return the label that an answer names first."""
    found = {label: text.find(f'"{label}"') for label in workload.distinct_labels()}
    named = {label: position for label, position in found.items() if position >= 0}
    return min(named, key=lambda label: named[label]) if named else None
