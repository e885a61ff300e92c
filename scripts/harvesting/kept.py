"""What workers kept of a model's images (handler/harvest_folder.py)."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.harvest_folder import MIRRORED, TAKEN, UNCERTAIN
from handler.kept_files import ENDINGS, NOTE

IMAGE = re.compile(rf"[0-9a-f]{{64}}({'|'.join(map(re.escape, ENDINGS))})")


@dataclass(frozen=True)
class Kept:
    """One image that a worker kept.

    Attributes:
        path: of the image; its name is its digest.
        mirrored: whether it was kept as a copy for a shadow; else because a version was not sure of it.
    """

    path: Path
    mirrored: bool

    @property
    def digest(self) -> str:
        """SHA-256 of the image as it was sent, in hex."""
        return self.path.stem

    def note(self) -> dict[str, Any]:
        """Return what the version said that was not sure: time, version, label, probability, margin; else nothing."""
        try:
            found = json.loads(self.path.with_suffix(NOTE).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remove(self) -> None:
        """Take it out for good: its workers keep it no more. The image goes last, so that this can be done again."""
        taken = self.path.parents[1] / TAKEN
        taken.mkdir(0o700, exist_ok=True)
        (taken / self.digest).touch(0o600)
        self.path.with_suffix(NOTE).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def kept(folder: Path) -> Sequence[Kept]:
    """Return the images in a model's folder, callers' first."""
    return [
        Kept(path, name == MIRRORED)
        for name in (UNCERTAIN, MIRRORED)
        if (folder / name).is_dir()
        for path in sorted((folder / name).iterdir())
        if IMAGE.fullmatch(path.name)
    ]
