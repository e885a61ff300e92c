"""The test images that were called wrongly: all in `errors.csv`, the worst in a picture."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from scripts.markdown import table
from scripts.pipeline.answers import Answers
from scripts.pipeline.card.text import percent, plain
from scripts.pipeline.data.csv_text import csv_text
from scripts.pipeline.data.sample import Sample

SHOWN = 12
"""How many the card lists and shows."""


@dataclass(frozen=True)
class Wrong:
    """One image that was given another label than its own; every field is text, as in the file."""

    file: str
    """As in split.csv."""
    group: str
    label: str
    """Its own."""
    called: str
    probability: str
    """That the model gives `called`, of 1."""
    target: str
    """That the data gives `label`, of 1: less where the experts disagree."""


def wrong_images(answers: Answers, images: Sequence[Sample], labels: Sequence[str]) -> list[Wrong]:
    """The wrong answers, the most confident first; equals by file name."""
    found = [
        Wrong(
            image.name,
            image.group,
            labels[image.label],
            labels[called],
            f"{probabilities[called]:.6f}",
            f"{image.target[image.label]:.6f}",
        )
        for image, called, probabilities in zip(images, answers.classes, answers.probabilities, strict=True)
        if called != image.label
    ]
    return sorted(found, key=lambda wrong: (-float(wrong.probability), wrong.file))


def as_csv(wrong: Sequence[Wrong]) -> str:
    """The text of `errors.csv`."""
    return csv_text([field.name for field in fields(Wrong)], [astuple(line) for line in wrong])


def read_csv(path: Path) -> list[Wrong]:
    """What `errors.csv` holds."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Wrong(**row) for row in csv.DictReader(file)]


def wrong_table(wrong: Sequence[Wrong]) -> str:
    """A line for each, as Markdown."""
    rows = [
        (plain(line.file), plain(line.group), _with_doubt(line), plain(line.called), percent(float(line.probability)))
        for line in wrong
    ]
    return table(("file", "kind", "is", "called", "probability"), rows)


def _with_doubt(line: Wrong) -> str:
    target = float(line.target)
    return plain(line.label) + ("" if target == 1 else f" ({percent(target)} by the data)")
