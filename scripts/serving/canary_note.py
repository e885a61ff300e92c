"""How far a canary is, as `make canary` notes it in RUN_DIR/canary.json, for who only looks."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.serving.processes import Record

ABANDONED: Final = "abandoned"
"""Of the note's own states no canary is in this one: it says that it goes on, and its process is gone."""
STATES: Final = ("shadow", "step", "promoted", "rolled back", "ended", ABANDONED)
_GOES_ON = ("shadow", "step")


@dataclass(frozen=True)
class Canary:
    """One canary.

    Attributes:
        version: that is on trial.
        percent: of the traffic that it has, or of its copies while it is a shadow.
        state: one of STATES.
        reason: in a sentence; empty where there is none.
    """

    version: str
    percent: float
    state: str
    reason: str

    @property
    def text(self) -> str:
        """One line for a person."""
        return f"canary: {self.version} at {self.percent:g} %, {self.state}" + (
            f": {self.reason}" if self.reason else ""
        )


def read(run: Path) -> Canary | None:
    """Return the last canary of a run directory; None without one, or where the note can't be read."""
    try:
        note = json.loads((run / "canary.json").read_text(encoding="utf-8"))
        state = str(note["state"])
        if state in _GOES_ON and not _alive(note):
            state = ABANDONED
        return Canary(str(note["version"]), float(note["percent"]), state, str(note.get("reason") or ""))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _alive(note: dict[str, Any]) -> bool:
    return Record(**note["process"]).alive()
