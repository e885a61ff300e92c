"""What is sent: the model's own images as they are, and files that no decoder can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.pipeline.data import elpv
from scripts.pipeline.data.photos import photos
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.data.sources import every_sample
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled

# Enough that no cache of answers could help, few enough to hold in memory.
IMAGES = 256


@dataclass(frozen=True)
class Broken:
    """A body that gets an error of its own: status and code as README.md lists them."""

    body: bytes
    status: int
    code: str


@cache
def images(model: Path) -> tuple[bytes, ...]:
    """Return encoded images of the data of the model in this folder, spread evenly over it."""
    spec = Spec.load(model)
    if isinstance(spec.data, Unlabelled):
        return tuple(path.read_bytes() for path in photos(spec))
    return tuple(sample.read() for sample in spread(every_sample(spec), IMAGES))


def spread(samples: Sequence[Sample], count: int) -> Sequence[Sample]:
    """Return about `count` of many samples, evenly spread."""
    return samples[:: max(1, len(samples) // count)]


@cache
def broken() -> tuple[Broken, ...]:
    """Return one body of each kind."""
    cell = elpv.cells()[0].path.read_bytes()
    return (
        Broken(cell[: len(cell) // 2], 400, "truncated_image"),
        Broken(cell[:8] + bytes(len(cell) - 8), 400, "no_pixels"),
        Broken(b"", 400, "empty_body"),
        Broken(b"not an image", 415, "unsupported_format"),
    )
