"""The elpv data set: 2,624 electroluminescence images of solar cells, each with a probability of defect.

Deitsch et al. (2019), https://doi.org/10.1016/j.solener.2019.02.067; the images are CC BY-NC-SA 4.0 and come with
the `elpv-dataset` package, so that nothing is downloaded here.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.errors import UserError
from scripts.pipeline.data.sample import Sample

LABELS = ("functional", "defective")
LICENSE = (
    "CC BY-NC-SA 4.0, that of the training data: elpv-dataset by Buerhop-Lutz, Deitsch, Maier, Gallwitz, Berger, Doll, "
    "Hauch, Camus and Brabec (2018)"
)
SIDE = 300
"""Of every image, pixels."""


@dataclass(frozen=True)
class Cell:
    """One solar cell: where its image lies, and what the experts said of it."""

    file: str
    """As in labels.csv, e.g. `images/cell0001.png`."""
    probability: float
    """Of a defect: 0, 1/3, 2/3 or 1."""
    kind: str
    """`mono` or `poly` (crystalline)."""
    path: Path

    def sample(self) -> Sample:
        """The cell as every source gives it; label 0 is functional, 1 is defective (a probability above one half)."""
        return Sample(self.file, (1 - self.probability, self.probability), self.kind, self.path.read_bytes)


@cache
def cells() -> tuple[Cell, ...]:
    """Every cell of the data set, in the order of labels.csv."""
    folder = _data_folder()
    table = (folder / "labels.csv").read_text(encoding="utf-8")
    rows = [line.split() for line in table.splitlines() if line.strip()]
    return tuple(Cell(file, _third(float(probability)), kind, folder / file) for file, probability, kind in rows)


def _data_folder() -> Path:
    package = importlib.util.find_spec("elpv_dataset")
    if package is None or package.origin is None:
        raise UserError("the cells are in the package elpv-dataset, which is not installed; `make setup` installs it")
    return Path(package.origin).parent / "data"


def _third(probability: float) -> float:
    """labels.csv rounds thirds to sixteen digits; the same number for the same answer makes strata countable."""
    return round(probability * 3) / 3
