"""A shadow beside the version whose requests it got copies of: both on the same image."""

from dataclasses import dataclass
from typing import Any

import duckdb

from scripts.pipeline.paired import Paired
from scripts.pipeline.proportion import Proportion


@dataclass(frozen=True)
class Mirrored:
    """A shadow beside the version whose requests it got copies of.

    Attributes:
        version: that answered the callers.
        shadow: that got the copies.
        answers: Paired, with `version` for the truth: `same` of `images` have the same label; None without answers.
        labelled: the same pairs of different images with a label, held against it; None without any.
        latency_ms: median and 95th percentile of the version, then of the shadow; empty without pairs.
        requests: pairs in the access log.
    """

    version: str
    shadow: str
    answers: Proportion | None
    labelled: Paired | None
    latency_ms: tuple[float, ...]
    requests: int

    def as_json(self) -> dict[str, Any]:
        """Return the figures for a program."""
        labelled = self.labelled
        return {
            "version": self.version,
            "shadow": self.shadow,
            "requests": self.requests,
            "agreement": self.answers
            and {"same": self.answers.count, "of": self.answers.of, "share": self.answers.share},
            "labelled": labelled
            and {
                "images": labelled.images,
                "lost": labelled.lost,
                "won": labelled.won,
                "drop": labelled.drop,
                "drop_95": list(labelled.drop_95),
                "mcnemar_p": labelled.mcnemar_p,
            },
            "latency_ms": dict(
                zip(("version_p50", "version_p95", "shadow_p50", "shadow_p95"), self.latency_ms, strict=False)
            ),
        }


# Callers may choose the id, and so repeat it: then nobody knows which copy is whose.
PAIRED_REQUESTS = """
    SELECT seen.time, seen.request_id, seen.version, copy.version AS shadow_version, seen.status, seen.ms,
        copy.status AS shadow_status, copy.ms AS shadow_ms
    FROM requests seen JOIN requests copy ON copy.request_id = seen.request_id
    JOIN (
        SELECT request_id FROM requests
        GROUP BY request_id HAVING count(*) FILTER (shadow) = 1 AND count(*) FILTER (NOT shadow) = 1
    ) once ON once.request_id = seen.request_id
    WHERE NOT seen.shadow AND copy.shadow AND seen.version IS NOT NULL AND copy.version IS NOT NULL
        AND seen.status > 0 AND copy.status > 0
"""
PAIRED_ANSWERS = """
    SELECT DISTINCT ON (seen.version, copy.version, coalesce(seen.image, seen.request_id)) seen.version,
        copy.version AS shadow_version, seen.label, copy.label AS shadow_label, {more}
    FROM (SELECT DISTINCT ON (request_id, image, version) * FROM {table} WHERE NOT shadow) seen
    JOIN (SELECT DISTINCT ON (request_id, image, version) * FROM {table} WHERE shadow) copy
        ON copy.request_id = seen.request_id AND copy.image IS NOT DISTINCT FROM seen.image
    WHERE seen.error IS NULL AND copy.error IS NULL
    ORDER BY {order}
"""
_SAME_LABEL = PAIRED_ANSWERS.format(table="answers", more="seen.time", order="seen.time, seen.request_id")
WITH_TRUTH = PAIRED_ANSWERS.format(
    table="labelled", more="seen.truth, seen.line, seen.time", order="seen.line, seen.time, seen.request_id"
)


def mirrored(connection: duckdb.DuckDBPyConnection) -> list[Mirrored]:
    """Return every shadow beside every version that it got copies of."""
    agreed = {
        (version, shadow): Proportion(same, count)
        for version, shadow, same, count in connection.execute(
            f"SELECT version, shadow_version, count(*) FILTER (label = shadow_label), count(*) FROM ({_SAME_LABEL}) "
            "GROUP BY ALL"
        ).fetchall()
    }
    labelled = {
        (version, shadow): Paired(count, lost, won, same)
        for version, shadow, count, lost, won, same in connection.execute(
            "SELECT version, shadow_version, count(*), count(*) FILTER (label = truth AND shadow_label <> truth), "
            "count(*) FILTER (label <> truth AND shadow_label = truth), count(*) FILTER (label = shadow_label) "
            f"FROM ({WITH_TRUTH}) GROUP BY ALL"
        ).fetchall()
    }
    latency = {
        (version, shadow): (count, tuple(quantiles))
        for version, shadow, count, *quantiles in connection.execute(
            "SELECT version, shadow_version, count(*), quantile_cont(ms, 0.5), quantile_cont(ms, 0.95), "
            f"quantile_cont(shadow_ms, 0.5), quantile_cont(shadow_ms, 0.95) FROM ({PAIRED_REQUESTS}) GROUP BY ALL"
        ).fetchall()
    }
    return [
        Mirrored(
            *pair, agreed.get(pair), labelled.get(pair), latency.get(pair, (0, ()))[1], latency.get(pair, (0, ()))[0]
        )
        for pair in sorted({*agreed, *latency})
    ]
