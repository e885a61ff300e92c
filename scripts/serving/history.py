"""Which splits were in effect: one JSON line a change, never rewritten."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """One change of the split, in percent by version.

    Attributes:
        time: ISO 8601, UTC.
        reason: the command that made it.
    """

    time: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    reason: str


def add(run: Path, before: Mapping[str, int], after: Mapping[str, int], reason: str) -> None:
    """Write a change down in the run directory; what changes no weight is none."""
    if before == after:
        return
    change = Change(datetime.now(UTC).isoformat(timespec="milliseconds"), dict(before), dict(after), reason)
    with _path(run).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(change)) + "\n")


def previous(run: Path, current: Mapping[str, int]) -> Mapping[str, int] | None:
    """Return the split before the one that traffic.yaml has; None when no change is known.

    When that came about by an edit by hand, it is the last one that a command made.
    """
    path = _path(run)
    for line in reversed(path.read_text(encoding="utf-8").splitlines() if path.is_file() else []):
        # A line that a full disk or a power cut left half written is no change.
        with contextlib.suppress(ValueError, TypeError):
            last = Change(**json.loads(line))
            return last.before if last.after == current else last.after
    return None


def _path(run: Path) -> Path:
    return run / "history.jsonl"
