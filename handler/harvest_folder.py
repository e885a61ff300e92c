"""Where images that are worth a label lie: each once, without metadata, within the quota.

    <folder>/<model>/uncertain/    callers' images of which a version was not sure, each with a note of what it said
                     mirrored/     images that came as copies for a shadow, the newest
                     taken/        an empty file for each image that `make harvest` has taken

All are by the SHA-256 of the image as it was sent.
"""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.bare import bare
from handler.kept_files import KeptFiles
from handler.settings import Settings

logger = logging.getLogger(__name__)

UNCERTAIN, MIRRORED, TAKEN = "uncertain", "mirrored", "taken"
# From a full disk or quota until it is tried again: neither ends within milliseconds, and trying is work.
_REST_S = 10.0


class HarvestFolder:
    """The folder of one model, as one process writes to it."""

    def __init__(self, settings: Settings, model: str) -> None:
        """Make nothing yet; each kind of image has half of the quota."""
        self._max_megapixels = settings.max_megapixels
        root = Path(settings.harvest_folder) / model
        files, size = settings.harvest_files // 2, settings.harvest_bytes // 2
        self._kept = {
            UNCERTAIN: KeptFiles(root / UNCERTAIN, files, size, ring=False),
            MIRRORED: KeptFiles(root / MIRRORED, files, size, ring=True),
        }
        self._taken = root / TAKEN
        self._rests_until: dict[str, float] = {}
        self._failing: set[str] = set()

    def make(self) -> None:
        """Make the folders, so that somebody who looks for images finds that none was kept."""
        for name, kept in self._kept.items():
            try:
                kept.make()
            except OSError as error:
                self._fail(name, error)

    def put(self, name: str, encoded: bytes, note: Mapping[str, Any]) -> bool:
        """Keep an image in the folder `name`, and return whether it is kept, there or elsewhere.

        It raises nothing; that images are dropped is said once in the log, until one is kept again.
        """
        if time.monotonic() < self._rests_until.get(name, 0.0):
            return False
        try:
            self._put(name, encoded, note)
        except Exception as error:  # Whatever it is, the images after it may be kept.
            self._fail(name, error)
            return False
        self._failing.discard(name)
        return True

    def _put(self, name: str, encoded: bytes, note: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(encoded).hexdigest()
        # One that is a callers' too needs no copy; the other way round the ring would throw it out.
        if (self._taken / digest).exists() or any(self._kept[place].holds(digest) for place in {UNCERTAIN, name}):
            return
        try:
            ending, content = bare(encoded, self._max_megapixels)
        except Exception as error:
            raise ValueError(f"image {digest} can't be taken apart: {error}") from error
        said = json.dumps(note, ensure_ascii=False).encode(errors="replace") if note else b""
        self._kept[name].put(digest, ending, content, said)

    def _fail(self, name: str, error: Exception) -> None:
        if isinstance(error, OSError):
            self._rests_until[name] = time.monotonic() + _REST_S
        if name not in self._failing:
            logger.warning("the harvest drops images (%s): %s", name, error)
        self._failing.add(name)
