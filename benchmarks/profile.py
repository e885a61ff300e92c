"""Where the CPU and the time of a request go, by stage, out of a run's samples."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.results import OURS, Results, Sample
from scripts.spread import Spread

KIND = "photo"
# Connections → the batch whose handler stages are shown beside them.
COLUMNS = {1: 1, 16: 8, 64: 8}


def cpu_rows(results: Results) -> list[tuple[str, ...]]:
    """Return the CPU of a request by stage, ms, for each number of connections.

    Edge, front end and workers are those of the running server; the handler's stages are those of the same code in
    process, and what the workers use beyond them is TorchServe's side of the worker: its socket protocol and metrics.
    """
    columns = {at: batch for at, batch in COLUMNS.items() if results.of(OURS, KIND, at) and batch in results.stages}
    handler = {batch: _medians(results.stages[batch]) for batch in set(columns.values())}
    stages = list(dict.fromkeys(stage for found in handler.values() for stage in found))
    server = {at: {part: _cpu(results, at, part) for part in ("edge", "front end", "workers")} for at in columns}
    rows = [
        ("edge (Envoy)", *(f"{server[at]['edge']:.2f}" for at in columns)),
        ("front end (TorchServe's Java)", *(f"{server[at]['front end']:.2f}" for at in columns)),
    ]
    beyond = [server[at]["workers"] - sum(handler[batch].values()) for at, batch in columns.items()]
    rows.append(("worker: TorchServe's protocol and metrics", *(f"{value:.2f}" for value in beyond)))
    rows += [(f"handler: {stage}", *(f"{handler[batch][stage]:.2f}" for batch in columns.values())) for stage in stages]
    rows.append(("**together**", *(f"{sum(server[at].values()):.2f}" for at in columns)))
    rows.append(("client (wrk)", *(_text(results, at, lambda sample: sample.client_cpu_ms) for at in columns)))
    return rows


def time_rows(results: Results) -> list[tuple[str, ...]]:
    """Return where the time of a request goes, means in ms, and how large batches are."""
    columns = [at for at in COLUMNS if any(sample.server for sample in results.of(OURS, KIND, at))]
    names = ("requests in a batch", "queue ms", "preprocess ms", "infer ms")
    rows = [(name, *(_text(results, at, _mean(name)) for at in columns)) for name in names]
    return [*rows, ("median at the client, ms", *(_text(results, at, lambda s: s.p50_ms) for at in columns))]


def heads(results: Results) -> tuple[str, ...]:
    """Return the columns' heads."""
    return ("", *(f"{at} connection{'s' if at > 1 else ''}" for at in COLUMNS if results.of(OURS, KIND, at)))


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {stage: median(found[stage] for found in rounds) for stage in rounds[0]}


def _cpu(results: Results, connections: int, part: str) -> float:
    return median(sample.cpu_ms[part] for sample in results.of(OURS, KIND, connections))


def _mean(name: str) -> Callable[[Sample], float]:
    return lambda sample: sample.server.get(name, 0.0)


def _text(results: Results, connections: int, value: Callable[[Sample], float]) -> str:
    return Spread.of([value(sample) for sample in results.of(OURS, KIND, connections)]).text()
