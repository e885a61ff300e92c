"""Images from where workers keep them into the folder of a person, each once, whatever happens on the way.

An image is first in both places, then it has its row in about.csv, then it is taken out where it was kept. One that is
found with its row is only taken out; one without is brought.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.harvesting import about, out
from scripts.harvesting.about import Row
from scripts.harvesting.answers import Pair
from scripts.harvesting.kept import Kept
from scripts.pipeline.data.folder import UNLABELLED

# Brought before they are taken out: on two file systems so many take room in both.
_AT_ONCE = 100


@dataclass(frozen=True)
class Brought:
    """How many images were brought, by reason, and how many copies stay for which no disagreement is known."""

    low_margin: int
    disagree: int
    stay: int


def bring(images: Sequence[Kept], pairs: Mapping[str, Pair], to: Path) -> Brought:
    """Bring callers' images, and the copies on which two versions disagree.

    Args:
        images: that are kept.
        pairs: what two versions said, by digest.
        to: the prepared folder of a person.

    Raises:
        UserError: the disk takes no more; what was brought is whole, and the rest is where it was.
    """
    brought: list[Row] = []
    try:
        known, there = about.digests(to), out.images(to)
        wanted = [one for one in images if one.digest in known or not one.mirrored or _disagree(pairs.get(one.digest))]
        for begin in range(0, len(wanted), _AT_ONCE):
            some = wanted[begin : begin + _AT_ONCE]
            rows, failed = _place_all([one for one in some if one.digest not in known], there, pairs, to)
            if rows:
                about.add(to, rows)
                _write_down(to / UNLABELLED)
            brought += rows
            known |= {row.digest for row in rows}
            for one in some:
                if one.digest in known:
                    one.remove()
            if failed:
                raise failed
    except OSError as error:
        raise UserError(
            f"{error.filename or to}: {error.strerror}; nothing is lost: make room or allow writing there, and give "
            "the same command again."
        ) from error
    low_margin = sum(row.reason == about.LOW_MARGIN for row in brought)
    return Brought(low_margin, len(brought) - low_margin, len(images) - len(wanted))


def _disagree(pair: Pair | None) -> bool:
    return pair is not None and pair.disagree


def _place_all(
    images: Sequence[Kept], there: Collection[str], pairs: Mapping[str, Pair], to: Path
) -> tuple[list[Row], OSError | None]:
    """Return a row for each image that is in both places now, and why the others are not."""
    rows: dict[str, Row] = {}
    for one in images:
        file = f"{UNLABELLED}/{one.path.name}"
        row = Row.of(file, one, pairs.get(one.digest))
        try:
            if one.digest not in rows and one.digest not in there:
                _place(one.path, to / file)
        except OSError as error:
            if one.path.exists():
                return list(rows.values()), error
            continue  # Newer copies have taken its place meanwhile.
        rows.setdefault(one.digest, row)
    return list(rows.values()), None


def _place(source: Path, target: Path) -> None:
    """Let the image be in the other place as well, whole; for its owner alone, as where it was."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # Another file system, or one without links.
        replace_file(target, source.read_bytes())
        target.chmod(0o600)


def _write_down(folder: Path) -> None:
    """Return when the names in a folder are on the disk, as the files' content is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
