"""The log of a training run: CSV to keep, a figure to look at."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from scripts.files import replace_file
from scripts.pipeline.training.trainer import Epoch


def write_csv(log: Sequence[Epoch], path: Path) -> None:
    """One row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    for line in log:
        writer.writerow(
            {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(line).items()}
        )
    replace_file(path, text.getvalue().encode())


def read_csv(path: Path) -> list[Epoch]:
    """What `write_csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds: dict[str, Any] = {field.name: field.type for field in fields(Epoch)}
    return [Epoch(**{key: kinds[key](value) for key, value in row.items()}) for row in rows]


def draw(log: Sequence[Epoch], path: Path) -> None:
    """Loss and validation accuracy over the epochs, as PNG."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for phase in dict.fromkeys(line.phase for line in log):
        lines = [line for line in log if line.phase == phase]
        left.plot([line.epoch for line in lines], [line.loss for line in lines], label=phase)
        right.plot([line.epoch for line in lines], [100 * line.val_accuracy for line in lines], label=phase)
    left.set(xlabel="epoch", ylabel="loss (weighed by phase)", ylim=(0, None))
    right.set(xlabel="epoch", ylabel="accuracy on val, %")
    right.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    replace_file(path, image.getvalue())
