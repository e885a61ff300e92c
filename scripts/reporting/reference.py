"""The gate's reference for drift: what a version answered to the held-out images, as its archive says."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from handler.errors import ArchiveError
from handler.metadata import FILE_NAME, Metadata


@dataclass(frozen=True)
class Reference:
    """What one archive says.

    Attributes:
        labels: of the model; none where the archive is missing or can't be read.
        classes: the gate's images by the label that was answered; empty where that is not known.
        confidence: the same by bin of the answered label's probability; empty in an archive of an earlier release.
    """

    labels: tuple[str, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    confidence: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, archive: Path) -> Self:
        """Return what is known. A reference that can't be had is said to be missing; a report does not end for it."""
        try:
            with zipfile.ZipFile(archive) as file:
                metadata = Metadata.decode(file.read(FILE_NAME).decode())
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, ArchiveError):
            return cls()
        measured = _graph(metadata.gate.get("measured", {}))
        confusion = measured.get("confusion") or []
        columns = {label: sum(row[index] for row in confusion) for index, label in enumerate(metadata.labels)}
        return cls(metadata.labels, columns if confusion else {}, dict(enumerate(measured.get("confidence", []))))


def _graph(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    # What int8 archives compute in differs from CPU to CPU; their two arithmetics hardly differ in answers.
    names = ("int8 arithmetic", "fp32 arithmetic", "float32")
    return next((measured[name] for name in names if name in measured), {})
