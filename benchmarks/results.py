"""What a run measured, and the figures that are read out of it: medians, spreads, ratios pair by pair."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.serving.places import REPOSITORY
from scripts.spread import Spread

RESULTS = REPOSITORY / "benchmarks" / "results"
"""Where runs are committed."""
OURS = "this project, int8"
OURS_FLOAT = "this project, float32"
OURS_DIRECT = "this project, int8, without the edge"
OWN_HANDLER = "FastAPI + our handler"
FASTAPI = "FastAPI + ONNX Runtime"
MOSEC = "mosec"
STOCK = "TorchServe, stock handler, eager"


@dataclass(frozen=True)
class Sample:
    """One target under one load in one round.

    Attributes:
        round: number of the round, from 0.
        kind: of the images.
        connections: of the client.
        target: its name.
        rate: right answers a second.
        failures: wrong labels, other statuses, broken connections.
        p50_ms: median time to an answer.
        p95_ms: 95th percentile.
        p99_ms: 99th percentile.
        cpu_ms: CPU of a right answer by part of the server.
        client_cpu_ms: CPU of a right answer in the client.
        others_cpu: of all other servers meanwhile, in cores; they should be idle.
        server: the product's own means: requests in a batch, ms in the queue and in the handler.
    """

    round: int
    kind: str
    connections: int
    target: str
    rate: float
    failures: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: Mapping[str, float]
    client_cpu_ms: float
    others_cpu: float = 0.0
    server: Mapping[str, float] = field(default_factory=dict)

    @property
    def server_cpu_ms(self) -> float:
        """CPU of a right answer in all of the server's processes."""
        return sum(self.cpu_ms.values())


@dataclass(frozen=True)
class CeilingSample:
    """The handler in process, without a server, in one round: images a second, and CPU of one image."""

    round: int
    kind: str
    rate: float
    cpu_ms: float


@dataclass
class Results:
    """All samples of a run, and what was measured once.

    Attributes:
        machine: processor, cores, versions, arithmetic.
        samples: of every target.
        ceilings: of the handler in process.
        stages: CPU of an image in the handler by stage, ms; by requests in a batch, one a round.
        first_answer_s: of the product as it is shipped, one a start.
        worker_mb: resident memory of its workers under load, one a worker.
        labels_checked: answers whose label was compared before the first round.
    """

    machine: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)
    ceilings: list[CeilingSample] = field(default_factory=list)
    stages: dict[int, list[Mapping[str, float]]] = field(default_factory=dict)
    first_answer_s: list[float] = field(default_factory=list)
    worker_mb: list[float] = field(default_factory=list)
    labels_checked: int = 0

    def of(self, target: str, kind: str, connections: int) -> list[Sample]:
        """Return a target's samples under one load, in the order of rounds."""
        return [s for s in self.samples if (s.target, s.kind, s.connections) == (target, kind, connections)]

    def figure(self, target: str, kind: str, connections: int, value: Callable[[Sample], float]) -> Spread | None:
        """Return the spread of one figure, or None if it was not measured."""
        samples = self.of(target, kind, connections)
        return Spread.of([value(sample) for sample in samples]) if samples else None

    def ratio(
        self, ours: str, theirs: str, kind: str, connections: int, value: Callable[[Sample], float]
    ) -> Spread | None:
        """Return the spread of ours / theirs, each pair from one round."""
        other = {sample.round: value(sample) for sample in self.of(theirs, kind, connections)}
        pairs = [(value(s), other[s.round]) for s in self.of(ours, kind, connections) if other.get(s.round)]
        return Spread.of([mine / peer for mine, peer in pairs]) if pairs else None

    def against_ceiling(
        self, kind: str, connections: int, value: Callable[[Sample, CeilingSample], float]
    ) -> Spread | None:
        """Return the spread of a figure of the product and the ceiling, each pair from one round."""
        ceilings = {ceiling.round: ceiling for ceiling in self.ceilings if ceiling.kind == kind}
        pairs = [(s, ceilings[s.round]) for s in self.of(OURS, kind, connections) if s.round in ceilings]
        return Spread.of([value(sample, ceiling) for sample, ceiling in pairs]) if pairs else None

    def targets(self) -> list[str]:
        """Return the names of the targets, in the order in which they first appear."""
        return list(dict.fromkeys(sample.target for sample in self.samples))

    def loads(self) -> list[tuple[str, int]]:
        """Return every (kind, connections) that was measured."""
        return sorted({(s.kind, s.connections) for s in self.samples}, key=lambda load: (load[0] != "photo", load[1]))

    def as_json(self) -> dict[str, Any]:
        """Return everything."""
        return asdict(self)
