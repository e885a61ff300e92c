"""Ten times as many requests as the product can answer, and what becomes of them.

Run as `python -m benchmarks.overload`; it takes three minutes. Version 2.0 alone, with one worker unless told so, and
all else as shipped. First the peak, by a client that asks again as soon as it is answered; then, for a minute, a client
whose requests come at ten times that rate whatever becomes of them; then half of the peak, until nobody notices it.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from benchmarks import client, open_loop, overload_report, product, usage, workload
from benchmarks.open_loop import Answers
from benchmarks.overload_report import Overload
from benchmarks.product import Files
from benchmarks.servers import Target
from benchmarks.workload import Workload
from scripts import cli
from scripts.files import replace_file
from scripts.serving import properties
from scripts.serving.places import REPOSITORY, Places
from scripts.tuning import edit
from tests.integration.lone_edge import lone_edge

RESULT = REPOSITORY / "benchmarks" / "results" / "overload.md"
# Of the peak's client; the best of them counts.
CONNECTIONS, PEAK_S, REPEATS = (16, 32, 64), 3, 3
# Enough for as many requests as are under way at once, and below the 1,000 that the edge has by default.
CALLERS = 600
CALM_S = 10


@dataclass(frozen=True)
class Bench:
    """A product that runs, its images, and the requests of a version that it lets in at once."""

    target: Target
    images: Workload
    at_once: int

    def peak(self) -> tuple[float, int]:
        """Return the most right answers a second, and at how many connections."""
        client.load(self.target.url, self.images, CONNECTIONS[0], PEAK_S)
        rates = {
            count: median(client.load(self.target.url, self.images, count, PEAK_S).rate for _ in range(REPEATS))
            for count in CONNECTIONS
        }
        best = max(rates, key=lambda count: rates[count])
        return rates[best], best

    def send(self, per_s: float, duration_s: float) -> Answers:
        """Return what becomes of so many requests a second."""
        return open_loop.load(self.target.url, self.images.paths, per_s, duration_s, CALLERS)

    def beside(self, per_s: float, connections: int) -> float:
        """Return the most right answers a second while the same client keeps an edge busy that refuses everything."""
        with lone_edge(Nothing, requests_at_once=0) as other, ThreadPoolExecutor(1) as pool:
            total_s = PEAK_S * (REPEATS + 1)
            busy = pool.submit(open_loop.load, other.url, self.images.paths, per_s, total_s, CALLERS)
            rates = [client.load(self.target.url, self.images, connections, PEAK_S).rate for _ in range(REPEATS)]
            busy.result()
            return median(rates)

    def measure(self, factor: float, duration_s: float, progress: Callable[[str], None]) -> Overload:
        """Return what a load of `factor` times the peak does."""
        peak, connections = self.peak()
        progress(f"peak: {peak:.0f} answers/s at {connections} connections")
        beside = self.beside(factor * peak, connections)
        progress(f"peak beside the client: {beside:.0f} answers/s")
        usage.settle(self.target.parts)
        before = self.send(peak / 2, CALM_S)
        used = usage.read(self.target.parts)
        load = self.send(factor * peak, duration_s)
        cores = {name: cpu_s / duration_s for name, cpu_s in usage.since(used, self.target.parts).items()}
        after = self.send(peak / 2, CALM_S)
        cores["client"] = load.cpu_s / duration_s
        return Overload(factor, duration_s, peak, beside, self.at_once, cores, before, load, after)


class Nothing(BaseHTTPRequestHandler):
    """What is behind an edge that lets nothing through: its health check is refused, and that is not printed."""

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


@contextmanager
def bench(workers: int) -> Iterator[Bench]:
    """Yield the product with so many workers of version 2.0."""
    client.require()
    with tempfile.TemporaryDirectory(prefix="ov-") as name:
        folder = Path(name).resolve()  # short: the path of a Unix socket holds 108 bytes
        archive = Places.from_environment(os.environ).archive(product.MODEL, product.INT8)
        photos = workload.prepare("photo", (workload.unpack(archive, folder / "archive"),), folder)
        settings = {product.INT8: {"minWorkers": workers, "maxWorkers": workers}}
        config = edit.with_settings(Files.shipped().config, product.MODEL, settings)
        files = Files(config, product.only(product.INT8))
        with product.running(folder / "p", photos.paths[0].read_bytes(), files) as server:
            at_once = properties.read(folder / "p" / "config.properties").requests_at_once
            yield Bench(server.through_edge("overload", product.INT8), photos, at_once)


def main(
    seconds: Annotated[float, typer.Option(min=1, help="Of the overload.")] = 60,
    factor: Annotated[float, typer.Option(min=1, help="Times the peak.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Of version 2.0.")] = 1,
    out: Annotated[Path, typer.Option(help="Where the figures are written.")] = RESULT,
) -> None:
    """Measure, print the figures beside the goals and write them; exit with 1 where a goal is missed."""
    with bench(workers) as place:
        found = place.measure(factor, seconds, lambda line: print(line, file=sys.stderr, flush=True))
    text = overload_report.markdown(found, workers)
    replace_file(out, text + "\n")
    print(text)
    raise typer.Exit(not all(goal.met for goal in found.goals()))


if __name__ == "__main__":
    cli.run(main)
