"""Who a caller is → a word that says whether two requests are of the same one, and nothing else."""

import contextlib
import hmac
import os
import secrets
from pathlib import Path

_KEY_BYTES = 32
# Of the hash: enough that no two of a billion users share one.
_HASH_BYTES = 16


class UserHash:
    """A keyed hash: without the key nobody can try out ids, of which there are few."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, path: Path) -> "UserHash":
        """Return the hash by the key in `path`, which is made, for its owner alone, where there is none.

        Raises:
            OSError: it can neither be read nor made.
        """
        if not path.exists():
            _make(path)
        return cls(path.read_bytes())

    def __call__(self, user: str) -> str:
        """Return 32 hex digits: HMAC-SHA-256 of the id, its first half."""
        return hmac.digest(self._key, user.encode(), "sha256")[:_HASH_BYTES].hex()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written whole under another name first; of several processes, the first to link it makes the key for all.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
    finally:
        partial.unlink()
