"""canary.json in the run folder: how far a canary is, for whoever goes on with it, looks at it or is called by it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from scripts.canarying.plan import Plan
from scripts.files import replace_file
from scripts.serving.processes import Record as Process

State = Literal["shadow", "step", "promoted", "rolled back", "ended"]
WALKING: Final = ("shadow", "step")


@dataclass(frozen=True)
class Record:
    """A canary at one moment.

    Attributes:
        plan: what it goes through.
        state: `shadow` before the first step, `step` from then on; how it ended otherwise.
        percent: that the candidate has.
        reason: why it ended; empty while it has not.
        began_s: since when what was logged counts, in seconds since 1970.
        process: that walks, or walked.
    """

    plan: Plan
    state: State
    percent: int
    reason: str
    began_s: float
    process: Process

    @property
    def walks(self) -> bool:
        """Whether it has not come to an end, and its process is there to bring it to one."""
        return self.state in WALKING and self.process.alive()

    @property
    def abandoned(self) -> bool:
        """Whether it has not come to an end, and nobody is there to bring it to one."""
        return self.state in WALKING and not self.process.alive()

    @property
    def shown(self) -> str:
        """Its state for whoever looks: `abandoned`, where nobody is there to change the one that it is in."""
        return "abandoned" if self.abandoned else self.state

    def as_json(self) -> dict[str, Any]:
        """Return what the file holds."""
        content = asdict(self)
        plan = content.pop("plan")
        return {"version": plan.pop("version"), "baseline": self.plan.baseline, **plan, **content}

    def save(self, run: Path) -> "Record":
        """Write it down and return it."""
        replace_file(_path(run), json.dumps(self.as_json(), indent=1) + "\n")
        return self


def load(run: Path) -> Record | None:
    """Return the last canary of a run; None where there was none, or its file can't be read."""
    try:
        content: Mapping[str, Any] = json.loads(_path(run).read_text(encoding="utf-8"))
        plan = {name: content[name] for name in Plan.__dataclass_fields__}
        rest = {name: content[name] for name in Record.__dataclass_fields__ if name not in ("plan", "process")}
        process = Process(**content["process"])
        return Record(plan=Plan(**plan | {"steps": tuple(plan["steps"])}), process=process, **rest)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _path(run: Path) -> Path:
    return run / "canary.json"
