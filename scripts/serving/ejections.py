"""Versions that were taken out of the split because they can't answer: one JSON line a change, and who is out now.

traffic.yaml keeps what is wanted; this is why something else is in effect.
"""

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.files import append_line


@dataclass(frozen=True)
class Ejection:
    """A version that went, or came back.

    Attributes:
        time: ISO 8601, UTC.
        version: its name.
        reason: why it went; empty: it came back.
    """

    time: str
    version: str
    reason: str


def changes(run: Path) -> list[Ejection]:
    """Return what happened in a run folder, in its order."""
    path = _path(run)
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        # A line that a full disk or a power cut left half written is no change.
        with contextlib.suppress(ValueError, TypeError):
            found.append(Ejection(**json.loads(line)))
    return found


def current(run: Path) -> dict[str, Ejection]:
    """Return the versions that are out."""
    last = {change.version: change for change in changes(run)}
    return {version: change for version, change in last.items() if change.reason}


def eject(run: Path, version: str, reason: str) -> None:
    """Write down that a version goes."""
    _append(run, version, reason)


def readmit(run: Path, version: str) -> bool:
    """Write down that a version comes back; return whether it was out."""
    if version not in current(run):
        return False
    _append(run, version, "")
    return True


def _append(run: Path, version: str, reason: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    append_line(_path(run), json.dumps(asdict(Ejection(now, version, reason))))


def _path(run: Path) -> Path:
    return run / "ejections.jsonl"
