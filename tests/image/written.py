"""Which files were written: a folder's, beside those of before, and those of a user anywhere else."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# Where any user may write, on any machine.
_OPEN_TO_ALL = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
# Of the folders that images are built in.
PREFIX = "image-"


@dataclass(frozen=True)
class Snapshot:
    """The files and folders below `root`, but for those below `writable`."""

    root: Path
    writable: tuple[Path, ...]
    seen: Mapping[Path, tuple[int, ...]]

    @classmethod
    def of(cls, root: Path, writable: tuple[Path, ...]) -> "Snapshot":
        """Return what is there now."""
        return cls(root, writable, dict(_states(root, writable)))

    def changed(self) -> list[Path]:
        """Return what has come, gone or changed since."""
        now = dict(_states(self.root, self.writable))
        return sorted(path for path in self.seen.keys() | now.keys() if self.seen.get(path) != now.get(path))


def elsewhere(user: int, since_s: float, but: Path) -> list[Path]:
    """Return what a user has changed since a time in folders that are open to all, `but` one.

    Another run of these tests, at the same time, has the same user and a folder with the same prefix.
    """
    left_out = (but, *(other for folder in _OPEN_TO_ALL for other in folder.glob(f"{PREFIX}*")))
    return [path for folder in _OPEN_TO_ALL for path in _below(folder, left_out) if _is_of(path, user, since_s)]


def _is_of(path: Path, user: int, since_s: float) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:  # others are at work there
        return False
    return status.st_uid == user and status.st_ctime >= since_s


def _states(root: Path, writable: tuple[Path, ...]) -> Iterator[tuple[Path, tuple[int, ...]]]:
    for path in _below(root, writable):
        status = path.lstat()
        yield path, (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)


def _below(root: Path, left_out: tuple[Path, ...]) -> Iterator[Path]:
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if Path(parent, name) not in left_out]
        yield Path(parent)
        yield from (Path(parent, name) for name in names)
