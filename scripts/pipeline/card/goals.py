"""`goals.yaml`, which a person may put beside a spec: what the model is meant to reach, and what others published."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from handler.strict import StrictModel, load
from scripts.errors import UserError
from scripts.pipeline import yaml_file
from scripts.pipeline.card.text import between, percent

FILE_NAME = "goals.yaml"
Share = Field(default=None, ge=0, le=1)


class Published(StrictModel):
    """An accuracy that somebody else measured on the same kind of images."""

    what: str
    accuracy: float = Field(ge=0, le=1)
    source: str


class Goals(StrictModel):
    """Shares of 1; what is left out is no goal."""

    teacher_accuracy: float | None = Share
    """At least, of the teacher that the spec's training names."""
    float32_accuracy: float | None = Share
    int8_accuracy: float | None = Share
    """At least, of each graph of the int8 archive, as the next two are."""
    int8_drop: float | None = Share
    """At most, from float32."""
    int8_agreement: float | None = Share
    """At least: the same label as float32."""
    int8_archive_mb: float | None = Field(default=None, gt=0)
    """At most, million bytes of the whole archive."""
    published: tuple[Published, ...] = ()

    @classmethod
    def of(cls, folder: Path) -> "Goals":
        """Read `folder/goals.yaml`; no goals where there is none.

        Raises:
            UserError: one sentence that names the file, the key and a fix.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            return cls()
        try:
            return load(cls, yaml_file.read(path), str(path))
        except ValueError as error:
            raise UserError(str(error)) from error


def verdict(value: float, goal: float, at_least: bool, interval: Sequence[float] | None) -> str:
    """Return `reached` or `missed`, and whether the interval leaves it open."""
    reached = value >= goal if at_least else value <= goal
    is_open = interval is not None and interval[0] < goal < interval[1]
    word = "reached" if reached else "**missed**"
    return f"{word}, but the goal is inside the 95 % interval" if is_open else word


def goal_rows(goals: Goals, evidence: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Return a line for each goal: what, goal, reached, 95 % interval, verdict."""
    rows = []
    if goals.teacher_accuracy is not None:
        rows += [_accuracy("teacher, accuracy", goals.teacher_accuracy, evidence["teacher"])]
    if goals.float32_accuracy is not None:
        measured = evidence["archives"]["1.0"]["gate"]["measured"]["float32"]
        rows += [_accuracy("float32, accuracy", goals.float32_accuracy, measured)]
    int8 = evidence["archives"]["2.0"]
    for graph, measured in int8["gate"]["measured"].items():
        if "paired" not in measured:
            continue
        name, paired = f"int8, {graph}", measured["paired"]
        if goals.int8_accuracy is not None:
            rows += [_accuracy(f"{name}: accuracy", goals.int8_accuracy, measured)]
        if goals.int8_drop is not None:
            rows += [_share(f"{name}: drop from float32", goals.int8_drop, False, paired["drop"], paired["drop_95"])]
        if goals.int8_agreement is not None:
            of = (paired["agreement"], paired["agreement_95"])
            rows += [_share(f"{name}: same label as float32", goals.int8_agreement, True, *of)]
    if goals.int8_archive_mb is not None:
        size = int8["bytes"] / 1e6
        judged = verdict(size, goals.int8_archive_mb, False, None)
        rows += [("int8, size of the archive", f"at most {goals.int8_archive_mb:g} MB", f"{size:.2f} MB", "", judged)]
    return rows


def _accuracy(what: str, goal: float, measured: dict[str, Any] | None) -> tuple[str, str, str, str, str]:
    if measured is None:
        return what, f"at least {percent(goal)}", "", "", "**not measured**"
    return _share(what, goal, True, measured["accuracy"], measured["accuracy_95"])


def _share(
    what: str, goal: float, at_least: bool, value: float, interval: Sequence[float]
) -> tuple[str, str, str, str, str]:
    wanted = f"at {'least' if at_least else 'most'} {percent(goal)}"
    return what, wanted, percent(value), between(interval), verdict(value, goal, at_least, interval)
