"""How the product's throughput and 95th percentile grow with connections, image size, batch and workers."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import client, preprocessing, product, usage, workload
from benchmarks.product import Files
from benchmarks.servers import WORKERS, Target
from benchmarks.workload import Workload
from scripts.pipeline.data import elpv
from scripts.serving.places import Places
from scripts.spread import Spread
from scripts.tuning import edit

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIZES = ((224, 168), (500, 375), (1000, 750), (2000, 1500), (4000, 3000))
BATCHES = (1, 2, 4, 8, 16)
# What a load has where it does not vary.
USUAL_CONNECTIONS, FULL_CONNECTIONS, USUAL_BATCH = 16, 64, 8
REPEATS, DURATION_S, IMAGES = 3, 2, 8


@dataclass(frozen=True)
class Point:
    """One load.

    Attributes:
        at: its place on the axis: connections, megapixels, batch or workers.
        rate: right answers a second.
        p95_ms: 95th percentile.
        cpu_ms: CPU of a right answer in all of the server's processes.
        failures: in all repeats together; a full queue answers 503.
    """

    at: float
    rate: Spread
    p95_ms: Spread
    cpu_ms: Spread
    failures: int


@dataclass(frozen=True)
class Curve:
    """Points along one axis."""

    axis: str
    points: tuple[Point, ...]

    def as_json(self) -> dict[str, Any]:
        """Return everything."""
        return asdict(self)


def measure(places: Places, progress: Callable[[str], None]) -> list[Curve]:
    """Return every curve, each on servers of its own.

    Raises:
        UserError: wrk or the archive is missing.
    """
    client.require()
    with tempfile.TemporaryDirectory(prefix="grow-") as name:
        folder = Path(name).resolve()  # short: the path of a Unix socket holds 108 bytes
        archives = (workload.unpack(places.archive(product.MODEL, product.INT8), folder / "archive"),)
        photos = workload.prepare("photo", archives, folder)
        sized = [workload.collect(f"{w}x{h}", list(_views(w, h)), archives, folder, IMAGES) for w, h in SIZES]
        curves = []
        with product.running(folder / "usual", _first(photos), _files(WORKERS, USUAL_BATCH)) as server:
            target = server.through_edge("int8", product.INT8)
            client.load(target.url, photos, USUAL_CONNECTIONS, DURATION_S)
            curves.append(Curve("connections", tuple(_point(at, target, photos, at) for at in CONNECTIONS)))
            sizes = zip(SIZES, sized, strict=True)
            points = tuple(_point(w * h / 1e6, target, images, USUAL_CONNECTIONS) for (w, h), images in sizes)
            curves.append(Curve("megapixels", points))
        progress("connections and image sizes are done")
        batches = [_alone(folder / f"b{batch}", photos, WORKERS, batch, batch) for batch in BATCHES]
        curves.append(Curve("batch", tuple(batches)))
        workers = [_alone(folder / f"w{count}", photos, count, USUAL_BATCH, count) for count in range(1, WORKERS + 1)]
        curves.append(Curve("workers", tuple(workers)))
    return curves


def draw(curves: Sequence[Curve], path: Path) -> None:
    """Write the figure: a curve a column, throughput above, 95th percentile below."""
    import matplotlib  # noqa: PLC0415  (half a second, and only this needs it)

    matplotlib.use("agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(2, len(curves), figsize=(4 * len(curves), 7), sharex="col")
    for column, curve in enumerate(curves):
        at = [point.at for point in curve.points]
        for above, spreads in (
            (True, [point.rate for point in curve.points]),
            (False, [point.p95_ms for point in curve.points]),
        ):
            axis = axes[0 if above else 1][column]
            errors = [[s.median - s.low for s in spreads], [s.high - s.median for s in spreads]]
            axis.errorbar(at, [s.median for s in spreads], errors, marker="o", capsize=3, color=f"C{0 if above else 1}")
            axis.set(ylim=(0, None), title="" if not above else curve.axis)
            axis.set_xscale("log", base=2)
            axis.set_xticks(at, [f"{value:g}" for value in at], fontsize=8)
            axis.grid(alpha=0.3)
        axes[1][column].set(xlabel=curve.axis)
    axes[0][0].set(ylabel="right answers/s")
    axes[1][0].set(ylabel="p95, ms")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _alone(folder: Path, images: Workload, workers: int, batch: int, at: float) -> Point:
    with product.running(folder, _first(images), _files(workers, batch)) as server:
        target = server.through_edge("int8", product.INT8)
        client.load(target.url, images, USUAL_CONNECTIONS, DURATION_S)
        return _point(at, target, images, FULL_CONNECTIONS)


def _point(at: float, target: Target, images: Workload, connections: int) -> Point:
    loads, cpu_ms = [], []
    for _ in range(REPEATS):
        before = usage.total(target.parts)
        loads.append(client.load(target.url, images, connections, DURATION_S))
        cpu_ms.append(1e3 * (usage.total(target.parts) - before) / max(loads[-1].right, 1))
        usage.settle(target.parts)
    rates, tails = [load.rate for load in loads], [load.p95_ms for load in loads]
    return Point(at, Spread.of(rates), Spread.of(tails), Spread.of(cpu_ms), sum(load.failures for load in loads))


def _files(workers: int, batch: int) -> Files:
    settings = {"minWorkers": workers, "maxWorkers": workers, "batchSize": batch}
    config = edit.with_settings(Files.shipped().config, product.MODEL, {product.INT8: settings})
    return Files(config, product.only(product.INT8))


def _views(width: int, height: int) -> Iterator[bytes]:
    for cell in elpv.cells()[::60]:
        picture = Image.open(cell.path).convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        yield preprocessing.encode(picture, "JPEG")


def _first(images: Workload) -> bytes:
    return images.paths[0].read_bytes()
