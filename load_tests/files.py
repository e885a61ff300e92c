"""What is sent: solar cells as they are, and files that no decoder can read."""

from dataclasses import dataclass
from functools import cache

from scripts.pipeline import elpv

# Enough that no cache of answers could help, few enough to hold in memory.
CELLS = 256


@dataclass(frozen=True)
class Broken:
    """A body that gets an error of its own: status and code as README.md lists them."""

    body: bytes
    status: int
    code: str


@cache
def cells() -> tuple[bytes, ...]:
    """Return encoded cells, spread evenly over the data set."""
    every = elpv.cells()
    return tuple(cell.path.read_bytes() for cell in every[:: len(every) // CELLS])


@cache
def broken() -> tuple[Broken, ...]:
    """Return one body of each kind."""
    cell = cells()[0]
    return (
        Broken(cell[: len(cell) // 2], 400, "unreadable_image"),
        Broken(cell[:8] + bytes(len(cell) - 8), 400, "unreadable_image"),
        Broken(b"", 400, "empty_body"),
        Broken(b"not an image", 415, "unsupported_format"),
    )
