"""Files that a reader, or a kill at any moment, finds either old or new and never half written; their digests."""

import hashlib
import os
from pathlib import Path


def replace_file(path: Path, content: bytes | str) -> None:
    """Put `content`, text as UTF-8, in the place of `path` by way of a neighbour and a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # With the process's number: two that write at once don't write into one neighbour.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """Return the digest of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
