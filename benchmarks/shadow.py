"""What users notice of a shadow: the same requests with one and without, on a machine that has room for it.

Run as `python -m benchmarks.shadow`. Version 1.0 answers; 2.0 gets copies of none, a fifth or all of the requests, in
turns of some seconds, in an order that is shuffled in each round. The requests of a round come at the same times in
each of its turns, at a rate at which less than a quarter of the cores is busy, copies and client included.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import psutil
import typer

from benchmarks import arrivals, product, usage
from benchmarks.product import Files, Product
from benchmarks.server_metrics import Source
from scripts import cli
from scripts.errors import UserError
from scripts.markdown import table
from scripts.pipeline.data import elpv
from scripts.serving.places import REPOSITORY
from scripts.spread import Spread

RESULT = REPOSITORY / "benchmarks" / "results" / "shadow.md"
ANSWERS, SHADOW = product.FLOAT32, product.INT8
PERCENTS = (0, 20, 100)
# Of the cores, with copies of everything; "under a quarter" leaves something for what is measured imprecisely.
SHARE_OF_CAPACITY = 0.2
GOAL = 1.05
# Java goes on compiling through its first thousands of requests.
WARM_UP_REQUESTS = 2000
PROBE_PER_S, PROBE_S = 30, 5
_RESAMPLES, _SEED = 2000, 20191


@dataclass(frozen=True)
class Turn:
    """One setting in one round.

    Attributes:
        percent: of the requests that were copied.
        p50_ms: median time to an answer.
        p95_ms: 95th percentile.
        requests: of users.
        copies: that the shadow answered.
        busy: share of the machine's cores that server and client used.
    """

    percent: int
    p50_ms: float
    p95_ms: float
    requests: int
    copies: int
    busy: float


@dataclass(frozen=True)
class Bench:
    """A server, its images, and what it is asked."""

    server: Product
    images: Sequence[bytes]

    def turn(self, percent: int, due_s: Sequence[float]) -> Turn:
        """Return what users waited with copies of so many percent, requests coming at the times `due_s`."""
        set_shadow(self.server, percent)
        target = self.server.through_edge("users", ANSWERS)
        shadow = Source(f"http://127.0.0.1:{self.server.ports.metrics}/metrics", SHADOW)
        copies, began, cpu_s = _answered(shadow), time.monotonic(), self._cpu_s()
        ms = arrivals.latencies_ms(target.url, self.images, due_s)
        busy = (self._cpu_s() - cpu_s) / (time.monotonic() - began) / (psutil.cpu_count() or 1)
        usage.settle(target.parts)
        p50, p95 = np.quantile(ms, (0.5, 0.95))
        return Turn(percent, float(p50), float(p95), len(ms), _answered(shadow) - copies, busy)

    def _cpu_s(self) -> float:
        return usage.total([*self.server.edge, *self.server.torchserve]) + time.process_time()


def measure(rounds: int, duration_s: float, progress: Callable[[str], None]) -> tuple[float, list[list[Turn]]]:
    """Return the requests a second, and the turns of each round."""
    images = [cell.path.read_bytes() for cell in islice(elpv.cells(), 0, None, 90)]
    shuffled, drawing = random.Random(_SEED), np.random.default_rng(_SEED)
    with tempfile.TemporaryDirectory(prefix="shd-") as name:
        files = Files(Files.shipped().config, product.only(ANSWERS, SHADOW))
        with product.running(Path(name).resolve() / "p", images[0], files) as server:
            bench = Bench(server, images)
            per_s = _rate(bench, drawing)
            found = []
            for number in range(rounds):
                due_s = arrivals.drawn(per_s, duration_s, drawing)
                order = shuffled.sample(PERCENTS, len(PERCENTS))
                found.append(sorted((bench.turn(percent, due_s) for percent in order), key=lambda turn: turn.percent))
                progress(f"round {number + 1} of {rounds} is done")
            return per_s, found


def set_shadow(server: Product, percent: int) -> None:
    """Bring the running server to copies of so many percent, by the product's own verb."""
    command = [sys.executable, "-m", "scripts.shadow", "--version", SHADOW, "--percent", str(percent)]
    done = subprocess.run(command, cwd=REPOSITORY, env=server.environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"`make shadow` failed: {done.stderr.strip()}")


def ratio(
    rounds: Sequence[Sequence[Turn]], percent: int, figure: Callable[[Turn], float]
) -> tuple[float, float, float]:
    """Return the median of a figure with copies, over that without, and its interval of 95 % (bootstrap of rounds)."""
    pairs = np.array([[figure(_of(turns, percent)), figure(_of(turns, 0))] for turns in rounds])
    chosen = np.random.default_rng(_SEED).integers(0, len(pairs), (_RESAMPLES, len(pairs)))
    medians = np.median(pairs[chosen], axis=1)
    low, high = np.quantile(medians[:, 0] / medians[:, 1], (0.025, 0.975))
    with_copies, without = np.median(pairs, axis=0)
    return float(with_copies / without), float(low), float(high)


def report(per_s: float, rounds: Sequence[Sequence[Turn]]) -> str:
    """Return the figures as Markdown."""
    head = ("copies", "users' requests", "copies answered", "cores busy", "p50 ms", "p95 ms", "p50 ratio", "p95 ratio")
    rows = [(f"{percent} %", *_row(rounds, percent)) for percent in PERCENTS]
    found, low, high = ratio(rounds, max(PERCENTS), lambda turn: turn.p95_ms)
    state = "met" if high <= GOAL else "missed" if low > GOAL else "open"
    return "\n".join(
        [
            "# What users notice of a shadow",
            "",
            f"Written by `python -m benchmarks.shadow`: {len(rounds)} rounds at {per_s:.0f} requests a second, "
            f"which is {SHARE_OF_CAPACITY:.0%} of what the cores could do with copies of everything, by the processor "
            "time of a request. Medians of rounds, with the smallest and largest; ratios of the medians, with 95 % "
            "intervals (bootstrap of rounds).",
            "",
            table(head, rows),
            "",
            f"Goal: with copies of everything a p95 ratio of at most {GOAL}: {state} ({found:.3f}, {low:.3f} to "
            f"{high:.3f}).",
        ]
    )


def main(
    rounds: Annotated[int, typer.Option(min=2)] = 15,
    seconds: Annotated[float, typer.Option(min=1, help="Of a turn; three to a round.")] = 5,
    out: Annotated[Path, typer.Option(help="Where the figures are written.")] = RESULT,
) -> None:
    """Measure, print the table and write it."""
    text = report(*measure(rounds, seconds, lambda line: print(line, file=sys.stderr)))
    out.write_text(text + "\n")
    print(text)


def _rate(bench: Bench, drawing: np.random.Generator) -> float:
    """Warm the server up, and return how many requests a second are so many of its capacity."""
    bench.turn(max(PERCENTS), [0.0] * WARM_UP_REQUESTS)
    probe = bench.turn(max(PERCENTS), arrivals.drawn(PROBE_PER_S, PROBE_S, drawing))
    return SHARE_OF_CAPACITY * PROBE_PER_S / probe.busy


def _answered(shadow: Source) -> int:
    return int(shadow.read().get("ts_inference_requests_total", 0))


def _of(turns: Sequence[Turn], percent: int) -> Turn:
    return next(turn for turn in turns if turn.percent == percent)


def _row(rounds: Sequence[Sequence[Turn]], percent: int) -> tuple[str, ...]:
    turns = [_of(each, percent) for each in rounds]
    busy = f"{100 * median(turn.busy for turn in turns):.0f} %"
    spreads = (Spread.of([turn.p50_ms for turn in turns]), Spread.of([turn.p95_ms for turn in turns]))
    ratios = ("", "")
    if percent:
        found = [ratio(rounds, percent, figure) for figure in (lambda turn: turn.p50_ms, lambda turn: turn.p95_ms)]
        ratios = tuple(f"{one:.3f} ({low:.3f} to {high:.3f})" for one, low, high in found)
    counts = (str(sum(turn.requests for turn in turns)), str(sum(turn.copies for turn in turns)))
    return (*counts, busy, *(spread.text() for spread in spreads), *ratios)


if __name__ == "__main__":
    cli.run(main)
