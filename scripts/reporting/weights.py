"""Which weights were in effect when, from a run's history.jsonl, and from traffic.yaml where there is none."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scripts.serving import ejections

SETTLING_S = 5.0
"""About a change: requests that the old routes may still have taken."""


@dataclass(frozen=True)
class Weights:
    """Percent by version, from a time on; the first from the beginning.

    Attributes:
        since_s: seconds since 1970; minus infinity for the first.
        split: percent by version; empty where it is not known, or something else was in effect because a version could
            not answer.
    """

    since_s: float
    split: Mapping[str, int]


def in_effect(run: Path, current: Mapping[str, int]) -> list[Weights]:
    """Return the weights of a run in their order, at least one.

    Args:
        run: its folder.
        current: what traffic.yaml says, in effect from the beginning if no change is known.
    """
    path = run / "history.jsonl"
    found: list[Weights] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        # As in scripts.serving.history: a line that is half written is no change.
        with contextlib.suppress(ValueError, TypeError, KeyError):
            change = json.loads(line)
            before, after = _split(change["before"]), _split(change["after"])
            since = datetime.fromisoformat(change["time"]).timestamp()
            found = found or [Weights(float("-inf"), before)]
            if before != found[-1].split:
                # Somebody edited traffic.yaml and started the server again in between, no history says when.
                found[-1] = Weights(found[-1].since_s, {})
            if after != found[-1].split:
                found.append(Weights(since, after))
    return _without_ejections(run, found or [Weights(float("-inf"), dict(current))])


def _without_ejections(run: Path, wanted: list[Weights]) -> list[Weights]:
    """Return the weights with those times left empty in which a version was out of the split."""
    changes = [(datetime.fromisoformat(change.time).timestamp(), change) for change in ejections.changes(run)]
    times = sorted({weights.since_s for weights in wanted} | {time_s for time_s, _ in changes})
    found = []
    for time_s in times:
        last = {change.version: change for at_s, change in changes if at_s <= time_s}
        out = any(change.reason for change in last.values())
        split = next(weights.split for weights in reversed(wanted) if weights.since_s <= time_s)
        found.append(Weights(time_s, {} if out else split))
    return found


def _split(weights: Mapping[str, int]) -> dict[str, int]:
    return {str(version): int(weight) for version, weight in weights.items()}
