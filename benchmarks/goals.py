"""The goals, beside what was measured."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.results import FASTAPI, MOSEC, OURS, OURS_DIRECT, OURS_FLOAT, STOCK, Results, Sample
from scripts.spread import Spread

KIND = "photo"


@dataclass(frozen=True)
class Goal:
    """One line of the bar.

    Attributes:
        text: what is measured.
        unit: after the figures.
        limit: to be reached.
        at_least: whether the limit is a lower one.
        measure: reads the figure out of the results.
        by_interval: met when the interval reaches the limit, not only its median.
    """

    text: str
    unit: str
    limit: float
    at_least: bool
    measure: Callable[[Results], Spread | None]
    by_interval: bool = False


@dataclass(frozen=True)
class Verdict:
    """A goal and its figure; without a figure it was not measured, and not met."""

    goal: Goal
    figure: Spread | None

    @property
    def met(self) -> bool:
        """Whether the limit is reached."""
        if self.figure is None:
            return False
        if self.goal.at_least:
            return (self.figure.high if self.goal.by_interval else self.figure.median) >= self.goal.limit
        return (self.figure.low if self.goal.by_interval else self.figure.median) <= self.goal.limit

    def row(self) -> tuple[str, str, str, str]:
        """Return what, measured, goal, verdict."""
        goal = self.goal
        measured = f"{self.figure.text()} {goal.unit}".strip() if self.figure else "not measured"
        bound = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g} {goal.unit}".strip()
        return goal.text, measured, bound, "met" if self.met else "missed"


def rate(sample: Sample) -> float:
    """Right answers a second."""
    return sample.rate


def p50(sample: Sample) -> float:
    """Median time to an answer, ms."""
    return sample.p50_ms


def _faster(theirs: str, connections: int, ours: str = OURS) -> Callable[[Results], Spread | None]:
    return lambda results: results.ratio(ours, theirs, KIND, connections, rate)


def _outside_handler(results: Results) -> Spread | None:
    return results.against_ceiling(KIND, 64, lambda sample, ceiling: sample.server_cpu_ms - ceiling.cpu_ms)


def _share(results: Results) -> Spread | None:
    return results.against_ceiling(KIND, 64, lambda sample, ceiling: sample.rate / ceiling.rate)


def _edge_cost(results: Results) -> Spread | None:
    direct = {sample.round: sample.p50_ms for sample in results.of(OURS_DIRECT, KIND, 1)}
    pairs = [(sample.p50_ms, direct[sample.round]) for sample in results.of(OURS, KIND, 1) if sample.round in direct]
    return Spread.of([edge - without for edge, without in pairs]) if pairs else None


def _worker_mb(results: Results) -> Spread | None:
    return Spread.of(results.worker_mb) if results.worker_mb else None


def _first_answer(results: Results) -> Spread | None:
    return Spread.of(results.first_answer_s) if results.first_answer_s else None


GOALS = (
    Goal("throughput, 16 connections / FastAPI + ONNX Runtime", "x", 1.6, True, _faster(FASTAPI, 16)),
    Goal("throughput, 64 connections / FastAPI + ONNX Runtime", "x", 2.0, True, _faster(FASTAPI, 64)),
    Goal("throughput, 16 connections / mosec", "x", 1.4, True, _faster(MOSEC, 16)),
    Goal("throughput, 16 connections / TorchServe's stock handler", "x", 4.0, True, _faster(STOCK, 16)),
    Goal("CPU of a request outside the handler, 64 connections", "ms", 2.0, False, _outside_handler),
    Goal("share of the in-process ceiling, 64 connections", "", 0.75, True, _share),
    Goal(
        "median at 1 connection / FastAPI + ONNX Runtime", "x", 0.7, False,
        lambda results: results.ratio(OURS, FASTAPI, KIND, 1, p50),
    ),
    Goal("throughput, int8 / float32 archive, 16 connections", "x", 1.0, True, _faster(OURS_FLOAT, 16), True),
    Goal("edge's own cost, median at 1 connection", "ms", 0.5, False, _edge_cost),
    Goal("worker's resident memory under load", "MB", 300.0, False, _worker_mb),
    Goal("first answer after start, as shipped", "s", 6.0, False, _first_answer),
)  # fmt: skip


def judge(results: Results) -> list[Verdict]:
    """Return every goal with its figure."""
    return [Verdict(goal, goal.measure(results)) for goal in GOALS]
