"""A CSV table of images: `path`, then `label` or a probability for each label; `group` and `part` if you like."""

import functools
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import UserError
from scripts.pipeline.data.files import read_image
from scripts.pipeline.data.listing import LeftOut, Listing
from scripts.pipeline.data.sample import Part, Sample
from scripts.pipeline.data.table_rows import Row, read_rows


def labels(table: Path) -> tuple[str, ...]:
    """The labels: sorted, or in the order of their columns.

    Raises:
        UserError: the table can't be read, or names fewer than two labels.
    """
    rows = read_rows(table)
    if rows[0].is_soft:
        return tuple(rows[0].weights)
    found = sorted({label for row in rows for label in row.weights})
    if len(found) < 2:  # noqa: PLR2004
        raise UserError(f"{table}: its only label is {found[0]!r}, and a classifier needs two")
    return tuple(found)


def listing(table: Path, known: Sequence[str]) -> Listing:
    """Every row's image, by path; relative paths are from the table's own folder.

    Args:
        table: the data.
        known: the labels, in the spec's order.

    Raises:
        UserError: the table can't be read, or has other labels.
    """
    known = [unicodedata.normalize("NFC", label) for label in known]
    rows: dict[str, Row] = {}
    left_out: dict[str, LeftOut] = {}
    for row in read_rows(table):
        _require_known(row, known, table)
        first = rows.setdefault(row.path, row)
        if first.says_the_same(row):
            if first is not row:
                left_out.setdefault(row.path, LeftOut(row.path, "named twice", f"lines {first.line} and {row.line}"))
        else:
            lines = f"lines {first.line} and {row.line}"
            left_out[row.path] = LeftOut(row.path, "contradiction", f"{lines} say different things of it")
    there = {path: found for path in sorted(rows) if (found := _find(table.parent / path)) is not None}
    left_out |= {path: LeftOut(path, "no such file", f"line {rows[path].line}") for path in rows if path not in there}
    usable = [rows[path] for path in there if not _contradicts(left_out.get(path))]
    shared: dict[tuple[float, ...], tuple[float, ...]] = {}  # Of a thousand labels, equal targets are one object.
    samples = []
    for row in usable:
        target = tuple(row.weights.get(label, 0.0) for label in known)
        read = functools.partial(read_image, there[row.path])
        samples.append(Sample(row.path, shared.setdefault(target, target), row.group, read))
    return Listing(tuple(samples), tuple(left_out.values()), _parts(usable, table))


def _contradicts(left_out: LeftOut | None) -> bool:
    return left_out is not None and left_out.reason == "contradiction"


def _require_known(row: Row, known: Sequence[str], table: Path) -> None:
    for label in row.weights:
        if label not in known:
            raise UserError(
                f"{table}, line {row.line}: the label {label!r} is not among the spec's `labels`; "
                "correct it, or make a model with another name (MODEL=)"
            )
    if row.is_soft and len(row.weights) < len(known):
        missing = next(label for label in known if label not in row.weights)
        raise UserError(f"{table}: has no column for the spec's label {missing!r}; add it")


def _parts(rows: Sequence[Row], table: Path) -> dict[str, Part]:
    """What the column `part` decides; without a row for val, val is taken from train: then only test is decided."""
    parts = {row.path: row.part for row in rows if row.part is not None}
    if parts and "test" not in parts.values():
        raise UserError(f"{table}: its column `part` has no test; name some, or take the column out to have it dealt")
    if "val" in parts.values():
        return parts
    return {path: part for path, part in parts.items() if part == "test"}


def _find(path: Path) -> Path | None:
    """The file of that name, or else of the same name in Unicode's other spelling."""
    spellings = (path, *(Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD")))
    return next((spelling for spelling in spellings if os.path.exists(spelling)), None)
