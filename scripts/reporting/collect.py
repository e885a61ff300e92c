"""Everything that a report says, from the logs on.

As JSON, in report.json; shares are of 1, times in ms or s:

verdict         decision, reasons, more_requests, more_s
baseline, candidate  versions; null where there is nothing to compare
versions        each with requests, statuses, errors, latency_ms, images, refused, classes, confidence, accuracy
edge            requests that the edge answered by itself, by status
comparison      `errors`, `slow`, `wrong`: difference, interval, tolerated, state, outcomes_needed, …
slow_limit_ms   from which on an answer is slow; null without requests of the baseline
ratio           the check of the split: expected, observed, p_value, broken
mirrored        each shadow beside the version that it got copies of: agreement, labelled (McNemar), latency_ms
drift           each distribution with its index
labels          how many were given
malformed       path, lines
from, to        the first and the last time in the logs
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from scripts.reporting import labels, logs, tables, units, versions, weights
from scripts.reporting.comparison import TOLERATED, Comparison
from scripts.reporting.drift import Drift, drift
from scripts.reporting.mirrored import Mirrored, mirrored
from scripts.reporting.outcomes import Outcomes, Versus
from scripts.reporting.pair import choose
from scripts.reporting.ratio import Ratio
from scripts.reporting.reference import Reference
from scripts.reporting.verdict import Pace, Verdict, judge
from scripts.reporting.versions import Figures
from scripts.serving.installation import Installation

SLOW_RATIO: Final = 1.2
"""An answer that takes longer than this times the baseline's 95th percentile is slow, where nobody says otherwise."""
_GATE = "the gate's test images"


@dataclass(frozen=True)
class Asked:
    """What a report shall be about.

    Attributes:
        folders: of the runs.
        split: percent by version, of traffic.yaml.
        sticky: whether traffic.yaml keeps users with their version.
        model_store: where the archives are.
        model: the served name.
        labels: labels.csv, or None.
        baseline: a version, or None for the one with most weight.
        candidate: a version, or None for the next.
        tolerated: difference of the share of errors, slow and wrong answers that a candidate may have, of 1.
        slow_ratio: times the baseline's 95th percentile; from there on an answer is slow.
        without_labels: whether accuracy is left out of the verdict where there are no labels.
        since_s: seconds since 1970; what was logged before does not count.
    """

    folders: Sequence[Path]
    split: Mapping[str, int]
    sticky: bool
    model_store: Path
    model: str
    labels: Path | None = None
    baseline: str | None = None
    candidate: str | None = None
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)
    slow_ratio: float = SLOW_RATIO
    without_labels: bool = False
    since_s: float = 0.0

    @classmethod
    def of_server(cls, wanted: Installation, since_s: float) -> "Asked":
        """Return the question about one installation's own run, from a time on."""
        return cls(
            [wanted.places.run],
            wanted.traffic.split,
            sticky=wanted.traffic.sticky_header is not None,
            model_store=wanted.places.model_store,
            model=wanted.spec.name,
            since_s=since_s,
        )

    def archive(self, version: str) -> Path:
        """Return where the archive of a version lies, if it is there."""
        return self.model_store / f"{self.model}-{version}.mar"


@dataclass(frozen=True)
class Report:
    """What a report says; see the module."""

    verdict: Verdict
    pair: tuple[str, str] | None
    versions: list[Figures]
    edge: dict[int, int]
    compared: dict[str, Comparison]
    slow_limit_ms: float | None
    ratio: Ratio
    mirrored: list[Mirrored]
    drift: list[Drift]
    references: dict[str, Reference]
    labels: int
    malformed: list[tables.Malformed]
    span: tuple[datetime, datetime] | None

    def as_json(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {
            "verdict": self.verdict.as_json(),
            "baseline": self.pair[0] if self.pair else None,
            "candidate": self.pair[1] if self.pair else None,
            "versions": [one.as_json() for one in self.versions],
            "edge": {str(status): count for status, count in self.edge.items()},
            "comparison": {kind: one.as_json() for kind, one in self.compared.items()},
            "slow_limit_ms": self.slow_limit_ms,
            "ratio": self.ratio.as_json(),
            "mirrored": [one.as_json() for one in self.mirrored],
            "drift": [one.as_json() for one in self.drift],
            "labels": self.labels,
            "malformed": [{"path": str(one.path), "lines": one.lines} for one in self.malformed],
            "from": self.span and self.span[0].isoformat(),
            "to": self.span and self.span[1].isoformat(),
        }


def collect(asked: Asked, database: Mapping[str, str] | None = None) -> Report:
    """Return the report.

    Args:
        asked: what it is about.
        database: settings of the DuckDB that holds the tables, such as its threads; its own without any.

    Raises:
        UserError: no logs, labels that don't fit, a version that is in no log.
    """
    found = logs.find(asked.folders, asked.model, asked.since_s)
    with duckdb.connect(config=dict(database or {})) as connection:
        malformed = tables.load(connection, found, asked.model, asked.since_s)
        seen = {
            version
            for (version,) in connection.execute(
                "SELECT version FROM requests WHERE version IS NOT NULL UNION SELECT version FROM answers"
            ).fetchall()
        }
        references = {version: Reference.of(asked.archive(version)) for version in sorted(seen)}
        known = {label for one in references.values() for label in one.labels}
        labelled = labels.load(connection, asked.labels, known, of_a_time=asked.since_s > 0)
        of_runs = [weights.in_effect(log.folder, asked.split) for log in found]
        pair = choose(of_runs[0][-1].split or asked.split, seen, asked.baseline, asked.candidate)
        figures = versions.figures(connection)
        ratio = units.check_split(connection, of_runs, sticky=asked.sticky)
        limit = _limit(figures, pair, asked.slow_ratio)
        compared = _compare(Versus(connection, of_runs, *pair), limit, asked.tolerated) if pair else {}
        if pair:
            verdict = judge(pair, compared, ratio, _pace(compared), asked.without_labels)
        else:
            verdict = Verdict("nothing to compare", (_alone(seen),))
        return Report(
            verdict,
            pair,
            figures,
            versions.own_errors(connection),
            compared,
            limit,
            ratio,
            mirrored(connection),
            _drifts(figures, references, pair),
            references,
            labelled,
            malformed,
            _span(connection),
        )


def _compare(versus: Versus, limit_ms: float | None, tolerated: Mapping[str, float]) -> dict[str, Comparison]:
    # Without a limit there are no requests of the baseline, so no outcome either.
    found: dict[str, Outcomes] = {
        "errors": versus.errors(),
        "slow": versus.slow(limit_ms or 0.0),
        "wrong": versus.wrong(),
    }
    return {kind: Comparison.of_outcomes(kind, of, tolerated[kind]) for kind, of in found.items()}


def _limit(figures: Sequence[Figures], pair: tuple[str, str] | None, ratio: float) -> float | None:
    for one in figures:
        if pair and one.version == pair[0] and not one.shadow and one.latency_ms:
            return one.latency_ms[1] * ratio
    return None


def _pace(compared: Mapping[str, Comparison]) -> Pace:
    requests, seconds = compared["errors"].seen, compared["errors"].outcomes.seconds
    return Pace(
        requests / seconds if seconds > 0 else 0.0, min(compared["wrong"].seen / requests, 1.0) if requests else 0.0
    )


def _drifts(
    figures: Sequence[Figures], references: Mapping[str, Reference], pair: tuple[str, str] | None
) -> list[Drift]:
    baseline = next((one for one in figures if pair and one.version == pair[0] and not one.shadow), None)
    found = []
    for one in figures:
        gate = references[one.version]
        found.append(drift(one.name, "class mix", _GATE, one.classes, gate.classes))
        found.append(drift(one.name, "confidence", _GATE, one.confidence, gate.confidence))
        if baseline and one.version != baseline.version:
            against = f"version {baseline.version}"
            found.append(drift(one.name, "class mix", against, one.classes, baseline.classes))
            found.append(drift(one.name, "confidence", against, one.confidence, baseline.confidence))
    return [each for each in found if each]


def _span(connection: duckdb.DuckDBPyConnection) -> tuple[datetime, datetime] | None:
    first, last = connection.execute(
        "SELECT min(time), max(time) FROM (SELECT time FROM requests UNION ALL SELECT time FROM answers)"
    ).fetchall()[0]
    return None if first is None else (first, last)


def _alone(seen: set[str]) -> str:
    if not seen:
        return "The logs hold no request that a version answered."
    return f"Only version {next(iter(seen))} was met; `make split` or `make shadow` brings another beside it."
