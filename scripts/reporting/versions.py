"""Each version by itself: how much it did, how fast, how often it failed, what it answered."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from scripts.pipeline.answers import CONFIDENCE_BINS
from scripts.pipeline.proportion import Proportion
from scripts.reporting.capital import interval

LEVEL = 0.05
_ERROR = 400


@dataclass
class Figures:
    """What is known of one version, its shadow's answers apart.

    Attributes:
        version: its name.
        shadow: whether callers never saw these.
        requests: that the edge sent it; 0 without an access log.
        statuses: requests by HTTP status; 0 is a caller that went away before the answer.
        latency_ms: 50th, 95th and 99th percentile at the edge; empty without requests.
        images: in the prediction log, refused ones among them.
        refused: images by error code.
        classes: images by the label that was answered.
        confidence: images by bin of the answered label's probability.
        accuracy: of different images with a label; None where there are none.
    """

    version: str
    shadow: bool
    requests: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    latency_ms: tuple[float, ...] = ()
    images: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    confidence: dict[int, int] = field(default_factory=dict)
    accuracy: Proportion | None = None

    @property
    def name(self) -> str:
        """The version, and whether it is a shadow's line."""
        return f"{self.version} (shadow)" if self.shadow else self.version

    @property
    def errors(self) -> Proportion | None:
        """Answers with a status from 400 on, of those that a caller waited for; None without any."""
        answered = {status: count for status, count in self.statuses.items() if status}
        if not answered:
            return None
        return Proportion(sum(count for status, count in answered.items() if status >= _ERROR), sum(answered.values()))

    def as_json(self) -> dict[str, Any]:
        """Return the figures for a program."""
        return {
            "version": self.version,
            "shadow": self.shadow,
            "requests": self.requests,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "errors": _share(self.errors),
            "latency_ms": dict(zip(("p50", "p95", "p99"), self.latency_ms, strict=False)),
            "images": self.images,
            "refused": self.refused,
            "classes": self.classes,
            "confidence": [self.confidence.get(each, 0) for each in range(CONFIDENCE_BINS)],
            "accuracy": _share(self.accuracy),
        }


def anytime_95(found: Proportion) -> tuple[float, float]:
    """Return the share's interval that covers it at all looks together, with 95 %."""
    return interval(np.array([0.0, 1.0]), np.array([found.of - found.count, found.count], dtype=float), LEVEL)


def figures(connection: duckdb.DuckDBPyConnection) -> list[Figures]:
    """Return what the tables say of each version, shadows last."""
    found: dict[tuple[str, bool], Figures] = {}

    def of(version: str, shadow: bool) -> Figures:
        return found.setdefault((version, shadow), Figures(version, shadow))

    for version, shadow, count, *latency in connection.execute(
        "SELECT version, shadow, count(*), quantile_cont(ms, 0.5), quantile_cont(ms, 0.95), quantile_cont(ms, 0.99) "
        "FROM requests WHERE version IS NOT NULL GROUP BY ALL"
    ).fetchall():
        of(version, shadow).requests = count
        of(version, shadow).latency_ms = tuple(latency)
    _fill(connection, "requests", "status", "version IS NOT NULL", lambda *key: of(*key).statuses)
    _fill(connection, "answers", "error", "error IS NOT NULL", lambda *key: of(*key).refused)
    _fill(connection, "answers", "label", "error IS NULL", lambda *key: of(*key).classes)
    _fill(connection, "answers", _BIN, "error IS NULL", lambda *key: of(*key).confidence)
    for version, shadow, right, count in connection.execute(
        f"SELECT version, shadow, count(*) FILTER (label = truth), count(*) FROM ({DISTINCT_LABELLED}) GROUP BY ALL"
    ).fetchall():
        of(version, shadow).accuracy = Proportion(right, count)
    for one in found.values():
        one.images = sum(one.classes.values()) + sum(one.refused.values())
    return sorted(found.values(), key=lambda one: (one.shadow, one.version))


def own_errors(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Return the requests that the edge answered by itself, by status."""
    return dict(
        connection.execute(
            "SELECT status, count(*) FROM requests WHERE version IS NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )


# An image that somebody sends a thousand times says as much about accuracy as one that is sent once.
DISTINCT_LABELLED = (
    "SELECT * FROM labelled QUALIFY row_number() OVER "
    "(PARTITION BY version, shadow, coalesce(image, request_id) ORDER BY line, time, request_id) = 1"
)
# As `Answers.confidence_counts` does, whose bins they are held against.
_BIN = f"least(floor(probability * {CONFIDENCE_BINS})::INTEGER, {CONFIDENCE_BINS - 1})"


def _fill(connection: duckdb.DuckDBPyConnection, table: str, what: str, where: str, into: Any) -> None:
    counted: Mapping[tuple[str, bool], list[tuple[Any, int]]] = defaultdict(list)
    for version, shadow, value, count in connection.execute(
        f"SELECT version, shadow, {what} AS value, count(*) FROM {table} WHERE {where} GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        counted[version, shadow].append((value, count))
    for (version, shadow), values in counted.items():
        into(version, shadow).update(values)


def _share(found: Proportion | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "count": found.count,
        "of": found.of,
        "share": round(found.share, 9),
        "anytime_95": [round(bound, 9) for bound in anytime_95(found)],
    }
