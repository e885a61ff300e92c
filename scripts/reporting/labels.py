"""Labels that come later: labels.csv, whose lines name a request or an image and what it really shows.

Its lines are taken in the order in which labels became known: append new ones at its end.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import duckdb

from scripts.errors import UserError

KEYS = ("request_id", "image")


def load(
    connection: duckdb.DuckDBPyConnection, path: Path | None, known: Collection[str], *, of_a_time: bool = False
) -> int:
    """Make the tables `labels` and `labelled`, and return how many labels there are; 0 without a file.

    labels: line, id, label. labelled: the answers (that are no refusals) with a label, in `truth`, and its `line`.

    Args:
        connection: with the table `answers`.
        path: of labels.csv.
        known: labels of the archives; with those that were answered, no other may occur.
        of_a_time: whether there are logs of before that were not read, so that ids may belong to those.

    Raises:
        UserError: the file is no such table, an id is in no log (unless `of_a_time`), a label is unknown, two lines
            contradict each other, or a request with several images is to have one label.
    """
    connection.execute("CREATE TABLE labels (line INTEGER, id VARCHAR, label VARCHAR)")
    key, given = rows(path) if path else (KEYS[0], [])
    labels = {*known, *_column(connection, "SELECT DISTINCT label FROM answers WHERE label IS NOT NULL")}
    seen: dict[str, tuple[int, str]] = {}
    for line, what, label in given:
        if label not in labels:
            raise UserError(f'{path}, line {line}: "{label}" is no label; there are {", ".join(sorted(labels))}.')
        before = seen.setdefault(what, (line, label))
        if before[1] != label:
            raise UserError(
                f'{path}, line {line}: {key} "{what}" is "{label}" here and "{before[1]}" in line {before[0]}.'
            )
    images = _images(connection, key)
    if not of_a_time:
        _require_known(images, path, key, seen)
    _require_one_image(images, path, seen)
    if seen:
        columns = [[line for line, _ in seen.values()], list(seen), [label for _, label in seen.values()]]
        connection.execute("INSERT INTO labels SELECT unnest($1), unnest($2), unnest($3)", columns)
    connection.execute(
        "CREATE TABLE labelled AS SELECT answers.*, labels.label AS truth, labels.line FROM answers "
        f"JOIN labels ON answers.{key} = labels.id WHERE answers.error IS NULL"
    )
    return len(seen)


def rows(path: Path) -> tuple[str, list[tuple[int, str, str]]]:
    """Return what the ids of labels.csv are, `request_id` or `image`, and its lines: number, id, label.

    Raises:
        UserError: it is no such table, or can't be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            head = next(reader, [])
            if len(head) != 2 or head[0] not in KEYS or head[1] != "label":  # noqa: PLR2004
                raise UserError(f"{path}: its first line must be `request_id,label` or `image,label`.")
            return head[0], list(_checked(path, reader))
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: no CSV in UTF-8: {error}.") from None


def _checked(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, str, str]]:
    for line, row in enumerate(reader, 2):
        if row and (len(row) != 2 or not all(row)):  # noqa: PLR2004
            raise UserError(f"{path}, line {line}: an id and a label, with a comma between them, belong here.")
        if row:
            yield line, row[0], row[1]


def _images(connection: duckdb.DuckDBPyConnection, key: str) -> dict[str, int]:
    """How many different images an id has."""
    return dict(connection.execute(f"SELECT {key}, count(DISTINCT image) FROM answers GROUP BY {key}").fetchall())


def _require_known(images: Mapping[str, int], path: Path | None, key: str, seen: Mapping[str, tuple[int, str]]) -> None:
    for what, (line, _) in seen.items():
        if what not in images:
            raise UserError(f'{path}, line {line}: {key} "{what}" is in no prediction log that was given.')


def _require_one_image(images: Mapping[str, int], path: Path | None, seen: Mapping[str, tuple[int, str]]) -> None:
    for what, (line, _) in seen.items():
        if images.get(what, 0) > 1:
            raise UserError(
                f'{path}, line {line}: request "{what}" has several images; label them by image: `image,label`.'
            )


def _column(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [value for (value,) in connection.execute(query).fetchall()]
