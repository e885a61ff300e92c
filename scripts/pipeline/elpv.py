"""The elpv data set: 2,624 electroluminescence images of solar cells, each with a probability of defect.

Deitsch et al. (2019), https://doi.org/10.1016/j.solener.2019.02.067; the images are CC BY-NC-SA 4.0 and come with
the `elpv-dataset` package, so that nothing is downloaded here.
"""

import csv
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from scripts.errors import UserError

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
SIDE_PX = 300
DEFECTIVE_ABOVE = 0.5


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

    @property
    def label(self) -> int:
        """0 is functional, 1 is defective (a probability above one half)."""
        return int(self.probability > DEFECTIVE_ABOVE)

    def image(self) -> npt.NDArray[np.uint8]:
        """The cell as RGB, uint8 [300, 300, 3]; its grey value three times."""
        with Image.open(self.path) as image:
            return np.array(image.convert("RGB"))


@cache
def cells() -> tuple[Cell, ...]:
    """Every cell of the data set, in the order of labels.csv."""
    folder = _data_folder()
    table = (folder / "labels.csv").read_text(encoding="utf-8")
    rows = [line.split() for line in table.splitlines() if line.strip()]
    return tuple(Cell(file, _third(float(probability)), kind, folder / file) for file, probability, kind in rows)


def part(split_csv: Path, name: Part) -> list[Cell]:
    """The cells that the split gives to one part, in the order of labels.csv.

    Raises:
        UserError: the split is missing, has other columns or parts, or names a cell that does not exist.
    """
    parts = read_split(split_csv)
    unknown = sorted(set(parts) - {cell.file for cell in cells()})
    if unknown:
        raise UserError(f"{split_csv}: {unknown[0]} is no cell of elpv-dataset; make it anew with scripts.split_data")
    return [cell for cell in cells() if parts.get(cell.file) == name]


def read_split(split_csv: Path) -> dict[str, str]:
    """File name to part.

    Raises:
        UserError: the file is missing, or has other columns or parts.
    """
    if not split_csv.is_file():
        raise UserError(f"{split_csv}: no such split; `python -m scripts.split_data` makes it")
    with split_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if set(row) != {"file", "part"} or row["part"] not in PARTS:
            raise UserError(f"{split_csv}: a row is `file,part` with part train, val or test, not {row}")
    return {row["file"]: row["part"] for row in rows}


def _data_folder() -> Path:
    package = importlib.util.find_spec("elpv_dataset")
    if package is None or package.origin is None:
        raise UserError("the cells are in the package elpv-dataset, which is not installed; `make setup` installs it")
    return Path(package.origin).parent / "data"


def _third(probability: float) -> float:
    """labels.csv rounds thirds to sixteen digits; the same number for the same answer makes strata countable."""
    return round(probability * 3) / 3
