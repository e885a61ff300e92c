"""An image file of a person's own, read as a client would post it."""

import stat
from pathlib import Path

MAX_MEGAPIXELS = 100.0
"""Of an image that is learned from; of our own files, only a damaged header says more."""
# The largest image within 100 megapixels has 600 MB (16-bit RGB, not compressed); a film in the folder has more.
MAX_BYTES = 1_000_000_000


class TooManyBytes(OSError):
    """The file is larger than any image that could be used."""


def read_image(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        OSError: there is no such file, it can't be read, it is no regular file, or it is larger than MAX_BYTES.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(0, "not a regular file")
    if found.st_size > MAX_BYTES:
        raise TooManyBytes(0, f"over {MAX_BYTES // 1_000_000} MB")
    return path.read_bytes()
