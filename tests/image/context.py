"""What a builder gets to see of a folder: all that .dockerignore lets through."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_LITERAL = re.compile(r"[\w.-]+")


def copy(source: Path, target: Path) -> None:
    """Copy the files of `source` that its .dockerignore does not leave out to `target`."""
    rules = read((source / ".dockerignore").read_text())
    for path in files(source, rules):
        destination = target / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, destination, follow_symlinks=False)


def read(text: str) -> list[tuple[re.Pattern[str], bool]]:
    """Return the patterns in order, each with whether it leaves out what it matches.

    Raises:
        ValueError: a pattern has a sign other than `*`, which is not known here.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(_pattern(line.removeprefix("!")), not line.startswith("!")) for line in lines]


def files(folder: Path, rules: list[tuple[re.Pattern[str], bool]]) -> Iterator[Path]:
    """Give the paths of the files that are not left out, relative to `folder`.

    A folder that is left out is looked into only where a later rule names something inside it by its full path.
    """
    for parent, folders, names in os.walk(folder):
        here = Path(parent).relative_to(folder)
        folders[:] = [name for name in folders if not left_out(here / name, rules) or _named(here / name, rules)]
        yield from (here / name for name in names if not left_out(here / name, rules))


def left_out(path: Path, rules: list[tuple[re.Pattern[str], bool]]) -> bool:
    """Return whether the last rule that matches the path, or a folder it is in, leaves it out."""
    candidates = [path, *path.parents][:-1]
    verdicts = [out for pattern, out in rules if any(pattern.fullmatch(each.as_posix()) for each in candidates)]
    return verdicts[-1] if verdicts else False


def _named(path: Path, rules: list[tuple[re.Pattern[str], bool]]) -> bool:
    inside = re.escape(path.as_posix() + "/")
    return any(not out and pattern.pattern.startswith(inside) for pattern, out in rules)


def _pattern(glob: str) -> re.Pattern[str]:
    parts = [_part(part) for part in glob.strip("/").split("/")]
    return re.compile("/".join(parts).replace("**/", "(?:.*/)?"))


def _part(part: str) -> str:
    if part == "**":
        return part
    pieces = part.split("*")
    if not all(not piece or _LITERAL.fullmatch(piece) for piece in pieces):
        raise ValueError(f".dockerignore: {part} is not known to tests/image")
    return "[^/]*".join(map(re.escape, pieces))
