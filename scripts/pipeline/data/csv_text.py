"""CSV that keeps any file name, also one with a line break."""

from collections.abc import Iterable, Sequence


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The text of a CSV file; lines end in a line feed.

    Python's own writer (until 3.13) leaves a carriage return without quotes when lines end otherwise, and its reader
    then ends the line there.
    """
    return "".join(",".join(map(_cell, row)) + "\n" for row in (header, *rows))


def _cell(text: str) -> str:
    if not set(',"\r\n') & set(text):
        return text
    return '"' + text.replace('"', '""') + '"'
