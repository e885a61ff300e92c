"""Files in one folder, each by its digest, that all workers of a model fill within one quota."""

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENDINGS = (".jpg", ".png")
NOTE = ".json"
_IMAGE = re.compile(r"[0-9a-f]{64}(\.jpg|\.png)")
_PART = ".part"
# Of what the lock's file says: three numbers.
_RECORD_BYTES = 80
# Of a full ring so much is thrown out at once: the folder is looked through once for many files, and not for each.
_THROWN_OUT = 0.05


@dataclass(frozen=True)
class _Used:
    """What is in the folder: images, and bytes of all files."""

    files: int
    size: int

    @classmethod
    def by(cls, found: Sequence[tuple[int, str, int]]) -> "_Used":
        """Sum up what a look found."""
        return cls(sum(name.endswith(ENDINGS) for _, name, _ in found), sum(size for _, _, size in found))


class KeptFiles:
    """One folder, for its owner alone.

    Who writes holds the lock beside it, so a file that is half written while one has the lock is of a process that
    was killed. The lock's file says what was in the folder when: as long as the folder has not changed since, by
    whomever, nobody needs to look through it.
    """

    def __init__(self, folder: Path, max_files: int, max_bytes: int, *, ring: bool) -> None:
        """Make no folder yet.

        Args:
            folder: made when it is needed.
            max_files: images in it.
            max_bytes: of them and their notes.
            ring: whether the oldest make room for the newest; else the newest find none.
        """
        self.folder = folder
        self._max_files, self._max_bytes, self._ring = max_files, max_bytes, ring
        self._lock = folder.with_name(f"{folder.name}.lock")

    def make(self) -> None:
        """Make the folder, where it is not there, and those that it lies in.

        Raises:
            OSError: that can't be.
        """
        if not self.folder.is_dir():
            for folder in reversed([self.folder, *self.folder.parents]):
                folder.mkdir(0o700, exist_ok=True)

    def holds(self, digest: str) -> bool:
        """Return whether the image of this digest is here."""
        return any((self.folder / f"{digest}{ending}").exists() for ending in ENDINGS)

    def put(self, digest: str, ending: str, content: bytes, note: bytes = b"") -> None:
        """Keep an image, and a note of it; nothing happens where it is here already.

        Raises:
            OSError: it is not kept, and no part of it is: EDQUOT where the quota has no room, or what the disk says.
        """
        with self._locked() as lock:
            if self.holds(digest):
                return
            size = len(content) + len(note)
            used = self._with_room_for(size, self._used(lock))
            path, note_path = self.folder / f"{digest}{ending}", self.folder / f"{digest}{NOTE}"
            part = path.with_suffix(_PART)
            try:
                if note:
                    _write(note_path, note)
                _write(part, content)
                part.rename(path)
            except OSError:
                for leftover in (part, note_path):
                    leftover.unlink(missing_ok=True)
                raise
            self._remember(lock, used.files + 1, used.size + size)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.make()
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)

    def _used(self, lock: int) -> _Used:
        with contextlib.suppress(ValueError):
            changed_ns, files, size = map(int, os.pread(lock, _RECORD_BYTES, 0).split())
            if changed_ns == self.folder.stat().st_mtime_ns:
                return _Used(files, size)
        return _Used.by(self._look())

    def _remember(self, lock: int, files: int, size: int) -> None:
        # Always as long: cutting a file to nothing before it is written may make the system write it to the disk.
        said = f"{self.folder.stat().st_mtime_ns} {files} {size}".ljust(_RECORD_BYTES)
        os.pwrite(lock, said.encode(), 0)

    def _with_room_for(self, size: int, used: _Used) -> _Used:
        if self._fits(size, used):
            return used
        # A folder's time is of a clock that ticks a few hundred times a second: what changed within a tick is seen now.
        found = self._look()
        used = _Used.by(found)
        if self._fits(size, used):
            return used
        if not self._ring or size > self._max_bytes:
            raise OSError(errno.EDQUOT, "the quota is used up", str(self.folder))
        files, total = used.files, used.size
        keep_files = min(int(self._max_files * (1 - _THROWN_OUT)), self._max_files - 1)
        keep_bytes = min(int(self._max_bytes * (1 - _THROWN_OUT)), self._max_bytes - size)
        for _, name, freed in sorted(found):
            if files <= keep_files and total <= keep_bytes:
                break
            if _IMAGE.fullmatch(name):
                (self.folder / name).unlink(missing_ok=True)
                files, total = files - 1, total - freed
        return _Used(files, total)

    def _fits(self, size: int, used: _Used) -> bool:
        return used.files < self._max_files and used.size + size <= self._max_bytes

    def _look(self) -> list[tuple[int, str, int]]:
        """Return time, name and bytes of every file, once what killed processes left is away."""
        found = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # Taken out meanwhile.
                    status = entry.stat(follow_symlinks=False)
                    found[entry.name] = (status.st_mtime_ns, entry.name, status.st_size)
        for name in list(found):
            stem, ending = os.path.splitext(name)
            is_alone = ending == NOTE and not any(stem + other in found for other in ENDINGS)
            if ending == _PART or is_alone:
                (self.folder / name).unlink(missing_ok=True)
                del found[name]
        return list(found.values())


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
