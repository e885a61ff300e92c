"""Tries settings on this machine: a server of its own with them, under more and more connections."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import client, product, workload
from benchmarks.product import Files
from benchmarks.workload import Workload
from scripts.errors import UserError
from scripts.serving.places import Places
from scripts.tuning import edit
from scripts.tuning.search import Level, Settings, Trial

CONNECTIONS = (2, 8, 16, 32, 64)
DURATION_S = 2


@dataclass
class Bench:
    """Where trials are made.

    Attributes:
        folder: for the servers' files.
        version: that is tuned.
        images: that are sent.
        p95_ms: target; a level above it is the last one.
        longest_s: of the trials so far.
    """

    folder: Path
    version: str
    images: Workload
    p95_ms: float
    longest_s: float = 0.0
    _trials: int = 0

    def measure(self, settings: Settings) -> Trial:
        """Return what `settings` give."""
        began = time.monotonic()
        self._trials += 1
        files = Files(apply(Files.shipped().config, self.version, settings), product.only(self.version))
        levels = []
        first = self.images.paths[0].read_bytes()
        with product.running(self.folder / str(self._trials), first, files) as server:
            target = server.through_edge(self.version, self.version)
            client.load(target.url, self.images, CONNECTIONS[1], 1)
            for connections in CONNECTIONS:
                load = client.load(target.url, self.images, connections, DURATION_S)
                levels.append(Level(connections, load.rate, load.p95_ms, load.failures))
                if load.p95_ms > self.p95_ms:
                    break
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        return Trial(settings, tuple(levels))


@contextmanager
def bench(places: Places, version: str, p95_ms: float, images: Path | None) -> Iterator[Bench]:
    """Yield a place for trials of a version.

    Args:
        places: of this installation.
        version: built already.
        p95_ms: target.
        images: a folder with the user's own; the benchmark's photos without one.

    Raises:
        UserError: wrk, the archive or the images are missing.
    """
    client.require()
    archive = places.archive(product.MODEL, version)
    if not archive.is_file():
        raise UserError(f"{archive}: no such archive; build it with `make archive VERSION={version} PRECISION=…`.")
    with tempfile.TemporaryDirectory(prefix="tune-") as name:
        folder = Path(name).resolve()  # short: the path of a Unix socket holds 108 bytes
        unpacked = (workload.unpack(archive, folder / "archive"),)
        if images is None:
            yield Bench(folder, version, workload.prepare("photo", unpacked, folder), p95_ms)
        else:
            own = [path.read_bytes() for path in sorted(images.iterdir()) if path.is_file()]
            yield Bench(folder, version, workload.collect("own", own, unpacked, folder), p95_ms)


def apply(config: str, version: str, settings: Settings) -> str:
    """Return config.properties with these settings for a version."""
    entry = {
        "minWorkers": settings.workers,
        "maxWorkers": settings.workers,
        "batchSize": settings.batch,
        "maxBatchDelay": settings.delay_ms,
    }
    text = edit.with_settings(config, product.MODEL, {version: entry})
    return edit.with_value(text, "handler.threads", str(settings.threads))
