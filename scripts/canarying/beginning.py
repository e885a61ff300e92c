"""How a canary begins, or goes on where one was cut off."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.canarying import record as records
from scripts.canarying.plan import Plan, giving
from scripts.canarying.record import Record
from scripts.errors import UserError
from scripts.reporting import labels as label_files
from scripts.serving.installation import Installation
from scripts.serving.live import Live
from scripts.serving.processes import Record as Process


@dataclass(frozen=True)
class Asked:
    """What the command was given; the attributes are those of `Plan`, and `labels` is labels.csv or None."""

    version: str
    steps: tuple[int, ...]
    copied: int
    requests: int
    hold_s: float
    disagreement: float
    labels: Path | None


def begin(environment: Mapping[str, str], asked: Asked) -> Record:
    """Return the record of a canary that is to be walked; nothing is changed yet.

    One of the same version whose process is gone goes on where it was, by the plan that it began with.

    Raises:
        UserError: it can't begin; with what has to be done first.
    """
    if asked.labels is not None:
        label_files.rows(asked.labels)
    wanted = Live.look(environment).wanted
    split = wanted.traffic.split
    last = records.load(wanted.places.run)
    process = Process.of(os.getpid(), session=False)
    if last is not None and last.abandoned and last.plan.has_set(split):
        percent = split.get(last.plan.version, 0)
        if last.plan.version == asked.version:
            return replace(last, percent=percent, process=process)
        if percent:
            raise UserError(
                f"the canary of {last.plan.version} was cut off at {percent} %; `make canary VERSION="
                f"{last.plan.version}` goes on with it, `make rollback` takes it back."
            )
    _require_fit(asked, wanted)
    others = giving(split, asked.version)
    plan = Plan(asked.version, others, asked.steps, asked.copied, asked.requests, asked.hold_s, asked.disagreement)
    return Record(plan, "shadow" if plan.copied else "step", 0, "", time.time(), process)


def _require_fit(asked: Asked, wanted: Installation) -> None:
    traffic, version = wanted.traffic, asked.version
    if weight := traffic.split.get(version, 0):
        raise UserError(
            f"{version} gets {weight} % already, and a canary begins with none; give it 0 by `make split` first."
        )
    if asked.copied and not wanted.config.logs_predictions:
        raise UserError(
            f"without a prediction log nobody knows whether {version} answers otherwise: set handler.prediction_log=on "
            f"in {wanted.config.path} and `{wanted.restart}`, or go without by SHADOW=0."
        )
    if asked.copied and traffic.shadow is not None and traffic.shadow.version != version:
        raise UserError(
            f"{traffic.shadow.version} is the shadow, which {version} needs for its first step; end it by "
            "`make shadow PERCENT=0`, or go without by SHADOW=0."
        )
