"""A look at a canary: what the logs say of it so far, whether it can answer, and whether it still has its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from scripts.canarying import guards
from scripts.canarying.plan import Plan
from scripts.canarying.record import Record
from scripts.errors import UserError
from scripts.reporting.collect import Asked, Report, collect
from scripts.reporting.pair import NotSeen
from scripts.serving import ejections
from scripts.serving.history import same
from scripts.serving.live import Live


class Overtaken(UserError):
    """Somebody else changed the weights."""


@dataclass(frozen=True)
class Look:
    """What is known at one moment.

    Attributes:
        report: of the canary's time; None while a version has answered nothing.
        ready: whether the candidate has a worker that answers.
        ejected: why the supervisor has taken it out of the split; empty where it has not.
    """

    report: Report | None
    ready: bool
    ejected: str = ""

    def answered(self, record: Record) -> int:
        """Return how many requests of the split, or copies of them, the candidate has answered beside the baseline.

        In a step that leaves the baseline nothing there is none beside it, and all that it answered counts.
        """
        plan = record.plan
        if self.report is None:
            return 0
        if plan.split(record.percent)[plan.baseline]:
            return self.report.compared["errors"].outcomes.candidate.of
        return sum(one.requests for one in self.report.versions if one.version == plan.version)

    def figures(self, plan: Plan) -> str:
        """Return what both versions did, for a person."""
        if self.report is None:
            return "no request yet"
        outcomes = self.report.compared["errors"].outcomes
        parts = [
            f"{version}: {found.count} of {found.of} failed{self._p95(version)}"
            for version, found in ((plan.version, outcomes.candidate), (plan.baseline, outcomes.baseline))
        ]
        copies = guards.beside(self.report, plan)
        if copies is not None and copies.answers is not None:
            parts.append(f"{copies.answers.of - copies.answers.count} of {copies.answers.of} images answered otherwise")
        return "; ".join(parts)

    def _p95(self, version: str) -> str:
        """Of its answers, and of copies only where there are no others."""
        versions = self.report.versions if self.report else ()
        own = sorted((one for one in versions if one.version == version and one.latency_ms), key=lambda one: one.shadow)
        return f", p95 {own[0].latency_ms[1]:.0f} ms" if own else ""


def look(environment: Mapping[str, str], record: Record, labels: Path | None, tell: Callable[[str], None]) -> Look:
    """Return what is known of the canary `record` now.

    Args:
        environment: that says where things are.
        record: of the canary.
        labels: labels.csv, or None.
        tell: gets a sentence where the labels can't be used this time.

    Raises:
        Overtaken: the weights are no longer those that it set.
        UserError: the server, or its logs, can't be asked just now.
    """
    plan = record.plan
    live = Live.look(environment)
    wanted = live.wanted
    if not same(wanted.traffic.split, plan.split(record.percent)):
        raise overtaken(plan, wanted.traffic.split)
    described = live.management.describe(plan.version)
    asked = replace(Asked.of_server(wanted, record.began_s), baseline=plan.baseline, candidate=plan.version)
    out = ejections.current(wanted.places.run).get(plan.version)
    ready = described is not None and described.ready > 0
    return Look(_report(asked, labels, tell), ready, out.reason if out else "")


def overtaken(plan: Plan, split: Mapping[str, int]) -> Overtaken:
    """Return what there is to say when traffic.yaml has weights that the canary did not set."""
    now = " ".join(f"{version}={weight}" for version, weight in split.items())
    return Overtaken(f"somebody changed the split to {now}, so the canary of {plan.version} ends and leaves it so.")


def _report(asked: Asked, labels: Path | None, tell: Callable[[str], None]) -> Report | None:
    try:
        return _collected(asked, labels)
    except UserError as error:
        # A label file that somebody is writing just now is no reason to end.
        if labels is None:
            raise
        tell(f"without labels this time: {error}")
        return _collected(asked, None)


def _collected(asked: Asked, labels: Path | None) -> Report | None:
    try:
        return collect(replace(asked, labels=labels))
    except NotSeen:
        return None
    except (duckdb.Error, OSError) as error:  # A log that is put aside in this moment.
        raise UserError(f"the logs can't be read: {error}") from error
