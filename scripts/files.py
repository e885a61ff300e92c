"""Files that a reader, or a kill at any moment, finds either old or new and never half written; their digests."""

import contextlib
import glob
import hashlib
import os
from pathlib import Path

import psutil


def replace_file(path: Path, content: bytes | str, mode: int = 0o666) -> None:
    """Put `content`, text as UTF-8, in the place of `path` by way of a neighbour and a rename.

    `mode` says who may read and write it, as far as the umask lets them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # With the process's number: two that write at once don't write into one neighbour.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(partial, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, apart from one that a full disk or a power cut left half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * torn + line + "\n")


def sweep(path: Path) -> None:
    """Remove neighbours of `path` that a `replace_file` left behind whose process was killed on the way."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*"):
        number = partial.name.rpartition(".")[2]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            with contextlib.suppress(OSError):  # A folder that can't be written; whoever has to write says so.
                partial.unlink()


def sha256(path: Path) -> str:
    """Return the digest of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
