"""What a source holds: the images that may be used, and those that may not, with the reason."""

import csv
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.files import replace_file
from scripts.pipeline.data.csv_text import csv_text
from scripts.pipeline.data.sample import Part, Sample

FILE_NAME = "left_out.csv"
_SHOWN = 3


@dataclass(frozen=True)
class LeftOut:
    """A file that nothing is learned from."""

    file: str
    reason: str
    """One of a few, so that they can be counted."""
    detail: str = ""

    @property
    def sentence(self) -> str:
        """The reason with its detail."""
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


@dataclass(frozen=True)
class Listing:
    """What a source names, before any image was opened.

    Attributes:
        samples: in the order of their names, each name once.
        left_out: what can't be a sample whatever its bytes are.
        parts: by image name, where the data itself decides.
    """

    samples: tuple[Sample, ...]
    left_out: tuple[LeftOut, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)


def one_hot(labels: int) -> list[tuple[float, ...]]:
    """For each label the target that is certain of it."""
    return [tuple(float(other == index) for other in range(labels)) for index in range(labels)]


def write_left_out(left_out: Sequence[LeftOut], folder: Path, within: Collection[str] | None = None) -> Path:
    """Write `file,reason` by file name into a model's folder, and return where.

    Args:
        left_out: what the list shall hold.
        folder: the model's.
        within: folders that these files are from; the list keeps the rows of all others. None: it is written anew.
    """
    others = {} if within is None else _read(folder)
    kept = [(file, why) for file, why in others.items() if not any(file.startswith(f"{one}/") for one in within or ())]
    rows = sorted([*kept, *((one.file, one.sentence) for one in left_out)])
    replace_file(folder / FILE_NAME, csv_text(("file", "reason"), rows))
    return folder / FILE_NAME


def read_left_out(folder: Path) -> set[str]:
    """The files that were left out; none where there is no such list."""
    return set(_read(folder))


def _read(folder: Path) -> dict[str, str]:
    """File to reason."""
    path = folder / FILE_NAME
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["file"]: row["reason"] for row in csv.DictReader(file)}


def by_reason(left_out: Sequence[LeftOut]) -> str:
    """Such as `3 duplicate, 1 not an image`, the most frequent first."""
    return ", ".join(f"{count} {reason}" for reason, count in Counter(one.reason for one in left_out).most_common())


def first_few(left_out: Sequence[LeftOut]) -> list[str]:
    """A line for each of the first few."""
    lines = [f"  {_shown(one.file)}: {one.sentence}" for one in sorted(left_out, key=lambda one: one.file)[:_SHOWN]]
    return lines + ["  …"] * (len(left_out) > _SHOWN)


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)
