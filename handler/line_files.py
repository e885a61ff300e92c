"""Lines → files that one process begins, fills and, when they are too many, takes away."""

import contextlib
import errno
import fcntl
import os
import re
from datetime import UTC, datetime
from pathlib import Path


class LineFiles:
    """The files of one writer in a folder that other writers of the same `prefix` share.

    Each writer has files of its own, locked while it fills them: no two rotate the same one. Their names begin with the
    time, so the oldest of all writers go first.
    """

    def __init__(self, folder: Path, prefix: str, max_bytes: int, keep: int) -> None:
        """Write nothing yet.

        Args:
            folder: made when it is needed.
            prefix: of the files' names.
            max_bytes: of one file, a single longer line aside.
            keep: files of all writers with this prefix; those that are being filled stay, though they were more.
        """
        self._folder = folder
        self._prefix = prefix
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: int | None = None
        self._bytes = 0
        self._begun = 0

    def write(self, line: bytes) -> None:
        """Add a whole line, its end included, or nothing.

        Raises:
            OSError: nothing was added; the next line may be.
        """
        file = self._with_room_for(len(line))
        written = os.write(file, line)
        if written < len(line):
            # A full disk takes what fits; half a line would spoil the next.
            os.ftruncate(file, self._bytes)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._bytes += written

    def close(self) -> None:
        """End the current file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _with_room_for(self, size: int) -> int:
        file = self._file
        # Without a name, somebody has taken it away; what is written to it would be gone with this process.
        if file is None or os.fstat(file).st_nlink == 0 or (self._bytes and self._bytes + size > self._max_bytes):
            self.close()
            file = self._file = self._begin()
            self._bytes = 0
            with contextlib.suppress(OSError):  # Too many files are no reason to lose a line.
                self._take_away()
        return file

    def _begin(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        self._begun += 1
        name = f"{self._prefix}-{time}-{os.getpid()}-{self._begun:04}.jsonl"
        file = os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        with contextlib.suppress(OSError):  # Some network file systems have no locks; lines are worth more than those.
            fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def _take_away(self) -> None:
        ours = re.compile(re.escape(self._prefix) + r"-\d{8}T\d{6}\.\d{6}-\d+-\d{4,}\.jsonl")
        files = sorted(path for path in self._folder.iterdir() if ours.fullmatch(path.name))
        for path in files[: max(len(files) - self._keep, 0)]:
            with path.open("rb") as file, contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
