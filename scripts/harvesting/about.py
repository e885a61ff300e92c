"""about.csv: a row for each image that was ever brought, in the order in which they were.

Its digests are how an image is known that was brought before, wherever it lies now: labelled, renamed or thrown away.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.files import replace_file
from scripts.harvesting.answers import Pair, Said
from scripts.harvesting.kept import Kept
from scripts.pipeline.data.csv_text import csv_text

FILE_NAME = "about.csv"
LOW_MARGIN, DISAGREE = "low margin", "versions disagree"
HEADER = (
    *("file", "digest", "reason", "time", "version", "label", "probability", "margin"),
    *("shadow", "shadow_label", "shadow_probability", "shadow_margin"),
)
_DIGEST = re.compile(rb"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Row:
    """What is known of an image.

    Attributes:
        file: where it was put, from the folder on.
        digest: SHA-256 of the image as it was sent.
        reason: why it was kept.
        time: when a version first answered it, as far as is known; ISO 8601, UTC.
        answered: what the version said that its caller met.
        shadow: what a shadow said; None where no log has it.
    """

    file: str
    digest: str
    reason: str
    time: str
    answered: Said | None
    shadow: Said | None

    @classmethod
    def of(cls, file: str, image: Kept, pair: Pair | None) -> "Row":
        """Return what the logs know of an image, or else what was noted when it was kept."""
        reason = DISAGREE if image.mirrored else LOW_MARGIN
        note = image.note()
        if pair:
            return cls(file, image.digest, reason, note.get("time") or pair.time, pair.answered, pair.shadow)
        values = note.get("probability"), note.get("margin")
        said = Said(note.get("version", ""), note.get("label", ""), *values) if note else None
        return cls(file, image.digest, reason, note.get("time") or "", said, None)

    def cells(self) -> list[str]:
        """Return it as text, in the order of HEADER."""
        said = [
            "" if value is None else str(value)
            for one in (self.answered, self.shadow)
            for value in ((one.version, one.label, one.probability, one.margin) if one else (None,) * 4)
        ]
        return [self.file, self.digest, self.reason, self.time, *said]


def digests(out: Path) -> set[str]:
    """Return the digests in the file, however it was saved since; none where it is not there."""
    path = out / FILE_NAME
    return {digest.decode() for digest in _DIGEST.findall(path.read_bytes())} if path.exists() else set()


def add(out: Path, rows: Sequence[Row]) -> None:
    """Add rows, at least one, at the end; a reader, or a kill, finds all of them or none.

    Raises:
        OSError: it can't be written; it is as it was.
    """
    path = out / FILE_NAME
    before = path.read_bytes() if path.exists() else b""
    first, *others = [*([] if before else [list(HEADER)]), *(row.cells() for row in rows)]
    if before and not before.endswith(b"\n"):
        before += b"\n"
    replace_file(path, before + csv_text(first, others).encode())
