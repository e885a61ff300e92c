"""Which splits were in effect: one JSON line a change, never rewritten; and the change that is being made.

A change is noted in change.json before traffic.yaml has it, and becomes a line of history.jsonl when the edge has it
too. A command that is killed leaves its note, and by that the next one knows what was begun.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.files import append_line, replace_file

ROLLBACK = "rollback"
_CANARY = "canary "


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


def canary(version: str) -> str:
    """Return the reason of a canary's steps, which are one change for who goes back."""
    return f"{_CANARY}{version}"


def begin(run: Path, before: Mapping[str, int], after: Mapping[str, int], reason: str) -> None:
    """Note a change that is about to be made; what changes no weight is none.

    Args:
        run: the run directory.
        before: the split that traffic.yaml has.
        after: the split that it will have.
        reason: the command.
    """
    begun = _begun(run, before)
    if begun is not None and same(begun.after, after):
        return  # A killed command's; this one brings it to its end.
    if begun is not None:
        _append(run, begun)
    if same(before, after):
        _note(run).unlink(missing_ok=True)
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    change = Change(now, dict(before), dict(after), reason)
    replace_file(_note(run), json.dumps(asdict(change)) + "\n")


def finish(run: Path, current: Mapping[str, int]) -> None:
    """Write down the change that was begun, now that traffic.yaml and the edge have the split `current`."""
    begun = _begun(run, current)
    if begun is not None:
        _append(run, begun)
        _note(run).unlink(missing_ok=True)


def take_back(run: Path, current: Mapping[str, int]) -> None:
    """Forget a change that was begun when traffic.yaml, which has the split `current`, does not have it."""
    if _begun(run, current) is None:
        _note(run).unlink(missing_ok=True)


def previous(run: Path, current: Mapping[str, int]) -> Mapping[str, int] | None:
    """Return the split to go back to from the one that traffic.yaml has; None when no change is known.

    It is the one before the last change, all steps of a canary being one; when the present one came about by an edit
    by hand, the last one that a command made. A rollback that was killed is brought to its end: another one would lead
    to what it went away from.
    """
    begun = _begun(run, current)
    if begun is not None:
        return _weights(begun.after if begun.reason == ROLLBACK else begun.before)
    changes = _changes(run)
    if not changes:
        return None
    last = changes.pop()
    if not same(last.after, current):
        return _weights(last.after)
    while changes and changes[-1].reason == last.reason and last.reason.startswith(_CANARY):
        last = changes.pop()
    return _weights(last.before)


def _begun(run: Path, current: Mapping[str, int]) -> Change | None:
    """Return the change that was noted, if it has reached traffic.yaml, whose split is `current`."""
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        change = Change(**json.loads(_note(run).read_text(encoding="utf-8")))
        return change if same(change.after, current) else None
    return None


def _changes(run: Path) -> list[Change]:
    path = _path(run)
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        # A line that a full disk or a power cut left half written is no change.
        with contextlib.suppress(ValueError, TypeError):
            found.append(Change(**json.loads(line)))
    return found


def _append(run: Path, change: Change) -> None:
    if [change] == _changes(run)[-1:]:
        return  # The command was killed between this and the end of its note.
    append_line(_path(run), json.dumps(asdict(change)))


def _weights(split: Mapping[str, int]) -> Mapping[str, int]:
    # Without those of weight 0: such a version may be retired by now, and is nothing to go back to.
    return {version: weight for version, weight in split.items() if weight}


def same(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Return whether two splits give every version the same; one that is not named has 0."""
    return _weights(one) == _weights(other)


def _path(run: Path) -> Path:
    return run / "history.jsonl"


def _note(run: Path) -> Path:
    return run / "change.json"
