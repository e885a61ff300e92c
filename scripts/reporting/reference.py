"""The gate's reference for drift: what a version answered to the held-out images, as its archive says.

`model.json` has the confusion of labels and answers, so the mix of answers is known; how confident they were is not
kept there, so confidence is held against the baseline's.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.errors import ArchiveError
from handler.metadata import FILE_NAME, Metadata


def labels(archive: Path) -> tuple[str, ...]:
    """Return the labels of an archive, none where it is missing or can't be read."""
    metadata = _read(archive)
    return metadata.labels if metadata else ()


def class_mix(archive: Path) -> dict[str, int]:
    """Return how many of the gate's images were answered with each label; empty where that is not known."""
    metadata = _read(archive)
    measured: Mapping[str, Any] = metadata.gate.get("measured", {}) if metadata else {}
    # What int8 archives compute in differs from CPU to CPU; their two arithmetics hardly differ in answers.
    graph: Mapping[str, Any] = next(
        (measured[name] for name in ("int8 arithmetic", "fp32 arithmetic", "float32") if name in measured), {}
    )
    confusion = graph.get("confusion")
    if metadata is None or not confusion:
        return {}
    return {label: sum(row[index] for row in confusion) for index, label in enumerate(metadata.labels)}


def _read(archive: Path) -> Metadata | None:
    """What it says of itself. A reference that can't be had is said to be missing; a report does not end for it."""
    try:
        with zipfile.ZipFile(archive) as file:
            return Metadata.decode(file.read(FILE_NAME).decode())
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, ArchiveError):
        return None
