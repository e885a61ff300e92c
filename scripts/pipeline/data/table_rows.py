"""The rows of a CSV table of images, checked one by one; an error names the file and the line."""

import csv
import difflib
import io
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import UserError
from scripts.pipeline.data.sample import PARTS, Part

_WITH_LABEL = ("path", "label", "group", "part")
_NOT_LABELS = ("path", "group", "part")
_SUM_TOLERANCE = 0.05  # Ten probabilities of two decimals each may be this far from 1.


@dataclass(frozen=True)
class Row:
    """One image's row.

    Attributes:
        line: in the file, from 1.
        path: as written.
        weights: label to probability; a single 1 where the table has a column `label`.
        is_soft: whether there is a column for each label.
        group: a kind of image whose accuracy is shown apart; empty where there is none.
        part: where the table decides it.
    """

    line: int
    path: str
    weights: Mapping[str, float]
    is_soft: bool
    group: str
    part: Part | None

    def says_the_same(self, other: "Row") -> bool:
        """Whether both rows label, group and divide alike."""
        return (self.weights, self.group, self.part) == (other.weights, other.group, other.part)


def read_rows(table: Path) -> list[Row]:
    """All rows, at least one.

    Raises:
        UserError: the file is missing, is no UTF-8 CSV with commas, or a row can't be used.
    """
    try:
        text = table.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{table}: can't be read ({error.strerror}); put it back, or name another") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{table}, line {line}: not UTF-8; save the table as CSV in UTF-8") from error
    _require_commas(text, table)
    lines = _cells(text, table)
    header = [unicodedata.normalize("NFC", name.strip()) for name in next(lines, (0, []))[1]]
    _check_header(header, table)
    rows = [_row(dict(zip(header, cells, strict=True)), f"{table}, line {line}", line) for line, cells in lines]
    if not rows:
        raise UserError(f"{table}: has a header but no row; write one row for each image")
    return rows


def _require_commas(text: str, table: Path) -> None:
    # Of the text itself: to a reader that expects commas, `"path";"label"` is a mistake in the quotes.
    header = text.lstrip("\r\n").partition("\n")[0]
    found = next((mark for mark in ";\t|" if mark in header), None)
    # A quote that is left over goes on in the next line, and so does the header.
    if found and not set(',"') & set(re.sub('"[^"]*"', "", header)):
        raise UserError(f"{table}, line 1: separated by {found!r}; save the table as CSV with commas")


def _cells(text: str, table: Path) -> Iterator[tuple[int, list[str]]]:
    """The line on which a row begins, and its cells; empty lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns, line = 0, 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                columns = columns or len(cells)
                if len(cells) != columns:
                    hint = "put a value that holds a comma in double quotes"
                    raise UserError(f"{table}, line {line}: {len(cells)} values for {columns} columns; {hint}")
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{table}, line {line}: not CSV ({error}); a quote inside a value is written twice") from error


def _check_header(header: Sequence[str], table: Path) -> None:
    if "path" not in header:
        raise UserError(f"{table}, line 1: no column `path`; the first line names the columns, e.g. path,label")
    if twice := next((name for name in header if header.count(name) > 1), None):
        raise UserError(f"{table}, line 1: two columns {twice!r}; give each its own name")
    if "" in header:
        raise UserError(f"{table}, line 1: column {header.index('') + 1} has no name; name it")
    if "label" in header:
        for name in header:
            if name not in _WITH_LABEL:
                near = difflib.get_close_matches(name, _WITH_LABEL, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"beside `label` there may be {', '.join(_WITH_LABEL)}"
                raise UserError(f"{table}, line 1: unknown column {name!r}; {hint}")
    elif len(set(header) - set(_NOT_LABELS)) < 2:  # noqa: PLR2004
        raise UserError(f"{table}, line 1: neither a column `label` nor a column for each of at least two labels")


def _row(cells: Mapping[str, str], where: str, line: int) -> Row:
    path = cells["path"]
    if not path.strip() or "\0" in path:
        raise UserError(f"{where}: no path; write the image's, or take the row out")
    part = cells.get("part")
    if part is not None and part not in PARTS:
        raise UserError(f"{where}: part is train, val or test, not {part!r}")
    is_soft = "label" not in cells
    weights = _probabilities(cells, where) if is_soft else {_label(cells, where): 1.0}
    return Row(line, path, weights, is_soft, cells.get("group", "").strip(), part)


def _label(cells: Mapping[str, str], where: str) -> str:
    label = unicodedata.normalize("NFC", cells["label"].strip())
    if not label:
        raise UserError(f"{where}: no label; write one, or take the row out")
    return label


def _probabilities(cells: Mapping[str, str], where: str) -> dict[str, float]:
    values = {name: _number(text, name, where) for name, text in cells.items() if name not in _NOT_LABELS}
    total = sum(values.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise UserError(f"{where}: its probabilities sum to {total:g}; make that 1")
    return {name: value / total for name, value in values.items()}


def _number(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{where}: {name!r} is {text!r}; write a probability, 0 to 1") from None
    if not (math.isfinite(value) and value >= 0):
        raise UserError(f"{where}: {name!r} is {text!r}; a probability is 0 to 1")
    return value
