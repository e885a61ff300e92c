"""Divide the elpv cells into train, val and test, once; the result is committed as models/elpv/split.csv."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from scripts.cli import run
from scripts.pipeline.elpv import PARTS, Cell, Part, cells

SEED = 20191
SHARES: dict[Part, float] = {"train": 0.625, "val": 0.125, "test": 0.25}


def divide(every: Sequence[Cell], seed: int) -> dict[str, Part]:
    """File name to part, each combination of cell type and defect probability divided by SHARES on its own."""
    strata: dict[tuple[str, float], list[str]] = defaultdict(list)
    for cell in every:
        strata[cell.kind, cell.probability].append(cell.file)
    generator = np.random.default_rng(seed)
    parts: dict[str, Part] = {}
    for key in sorted(strata):
        files = generator.permutation(strata[key]).tolist()
        first = round(SHARES["test"] * len(files))
        second = first + round(SHARES["val"] * len(files))
        parts |= dict.fromkeys(files[:first], "test")
        parts |= dict.fromkeys(files[first:second], "val")
        parts |= dict.fromkeys(files[second:], "train")
    return parts


def as_csv(parts: dict[str, Part]) -> str:
    """The split as text: `file,part`, by file name."""
    return "file,part\n" + "".join(f"{file},{parts[file]}\n" for file in sorted(parts))


def main(
    output: Annotated[Path, typer.Option(help="Where the split is written")] = Path("models/elpv/split.csv"),
    seed: Annotated[int, typer.Option(help="Of the shuffle within each stratum")] = SEED,
) -> None:
    """Write the split and say how many cells each part has."""
    parts = divide(cells(), seed)
    output.write_text(as_csv(parts), encoding="utf-8")
    print(f"{output}: " + ", ".join(f"{list(parts.values()).count(name)} {name}" for name in PARTS))


if __name__ == "__main__":
    run(main)
