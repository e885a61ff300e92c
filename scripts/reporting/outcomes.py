"""What two versions did, as outcomes side by side: requests that the split drew, and requests that were mirrored.

Three outcomes count against a version: an *error* (a status from 400 on: both versions meet the same callers, so what
callers do wrong weighs on both alike), a *slow* answer (longer than a limit), and a *wrong* one (another label than the
image's).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from scripts.pipeline.paired import Paired
from scripts.pipeline.proportion import Proportion
from scripts.reporting.blocks import differences
from scripts.reporting.capital import Floats
from scripts.reporting.versions import DISTINCT_LABELLED
from scripts.reporting.weights import Weights

# More than any run has changes of its weights.
_REGIMES = 1_000_000


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of one kind.

    Attributes:
        baseline: the baseline's bad ones.
        candidate: the candidate's.
        differences: candidate less baseline, of blocks of the split and of mirrored pairs, [blocks].
        drawn: blocks among them that are of the split; they come first.
    """

    baseline: Proportion
    candidate: Proportion
    differences: Floats
    drawn: int


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
_PAIRED_REQUESTS = """
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
_PAIRED_ANSWERS = """
    SELECT DISTINCT ON (seen.version, copy.version, coalesce(seen.image, seen.request_id)) seen.version,
        copy.version AS shadow_version, seen.label, copy.label AS shadow_label, {more}
    FROM (SELECT DISTINCT ON (request_id, image, version) * FROM {table} WHERE NOT shadow) seen
    JOIN (SELECT DISTINCT ON (request_id, image, version) * FROM {table} WHERE shadow) copy
        ON copy.request_id = seen.request_id AND copy.image IS NOT DISTINCT FROM seen.image
    WHERE seen.error IS NULL AND copy.error IS NULL
    ORDER BY {order}
"""
_SAME_LABEL = _PAIRED_ANSWERS.format(table="answers", more="seen.time", order="seen.time, seen.request_id")
_WITH_TRUTH = _PAIRED_ANSWERS.format(
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
            f"FROM ({_WITH_TRUTH}) GROUP BY ALL"
        ).fetchall()
    }
    latency = {
        (version, shadow): (count, tuple(quantiles))
        for version, shadow, count, *quantiles in connection.execute(
            "SELECT version, shadow_version, count(*), quantile_cont(ms, 0.5), quantile_cont(ms, 0.95), "
            f"quantile_cont(shadow_ms, 0.5), quantile_cont(shadow_ms, 0.95) FROM ({_PAIRED_REQUESTS}) GROUP BY ALL"
        ).fetchall()
    }
    return [
        Mirrored(
            *pair, agreed.get(pair), labelled.get(pair), latency.get(pair, (0, ()))[1], latency.get(pair, (0, ()))[0]
        )
        for pair in sorted({*agreed, *latency})
    ]


@dataclass(frozen=True)
class Versus:
    """Two versions, and the weights of each run that they shared traffic by."""

    connection: duckdb.DuckDBPyConnection
    weights: Sequence[Sequence[Weights]]
    baseline: str
    candidate: str

    def errors(self) -> Outcomes:
        """Return which requests failed."""
        return self._of_requests("status >= 400", "shadow_status >= 400")

    def slow(self, limit_ms: float) -> Outcomes:
        """Return which requests took longer than a limit; mirrored ones only where the split drew none.

        A shadow's requests take another way through the edge and wait in line like any other.
        """
        drawn = self._drawn(f"ms > {limit_ms:.17g}")
        copies = [] if len(drawn[0]) else self._mirrored(f"ms > {limit_ms:.17g}", f"shadow_ms > {limit_ms:.17g}")
        return self._together(*drawn, copies)

    def wrong(self) -> Outcomes:
        """Return which different images with a label got another one."""
        rows = self._fetch(
            f"SELECT run, epoch(time) AS at, version = $candidate AS is_candidate, label <> truth AS bad "
            f"FROM ({DISTINCT_LABELLED}) WHERE NOT shadow AND version IN ($baseline, $candidate) "
            # Without an access log of the run nobody can say which requests the split drew: all of them, then.
            "AND (request_id IN (SELECT request_id FROM requests WHERE is_split) "
            "OR run NOT IN (SELECT DISTINCT run FROM requests)) ORDER BY line, time, request_id"
        )
        copies = self.connection.execute(
            f"SELECT label <> truth, shadow_label <> truth FROM ({_WITH_TRUTH}) "
            "WHERE version = $baseline AND shadow_version = $candidate",
            self._names,
        ).fetchall()
        return self._together(*self._shared(rows), copies)

    @property
    def _names(self) -> dict[str, str]:
        return {"baseline": self.baseline, "candidate": self.candidate}

    def _of_requests(self, bad: str, shadow_bad: str) -> Outcomes:
        return self._together(*self._drawn(bad), self._mirrored(bad, shadow_bad))

    def _drawn(self, bad: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
        return self._shared(
            self._fetch(
                f"SELECT run, epoch(time) AS at, version = $candidate AS is_candidate, {bad} AS bad FROM requests "
                "WHERE is_split AND status > 0 AND version IN ($baseline, $candidate) ORDER BY time, request_id"
            )
        )

    def _mirrored(self, bad: str, shadow_bad: str) -> list[tuple[bool, bool]]:
        return self.connection.execute(
            f"SELECT {bad}, {shadow_bad} FROM ({_PAIRED_REQUESTS}) "
            "WHERE version = $baseline AND shadow_version = $candidate ORDER BY time",
            self._names,
        ).fetchall()

    def _fetch(self, query: str) -> Mapping[str, NDArray[Any]]:
        found: Mapping[str, NDArray[Any]] = self.connection.execute(query, self._names).fetchnumpy()
        return found

    def _shared(
        self, rows: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
        """Whose, what and under which weights, of the times in which both versions had any."""
        run, at = np.asarray(rows["run"], dtype=np.int64), np.asarray(rows["at"], dtype=float)
        regime = np.zeros(len(run), dtype=np.int64)
        both = np.zeros(len(run), dtype=bool)
        for number, weights in enumerate(self.weights):
            here = run == number
            position = np.searchsorted([each.since_s for each in weights], at[here], side="right") - 1
            shares = [
                not each.split or bool(each.split.get(self.baseline) and each.split.get(self.candidate))
                for each in weights
            ]
            regime[here] = number * _REGIMES + position
            both[here] = np.array(shares)[position]
        return (
            np.asarray(rows["is_candidate"], dtype=bool)[both],
            np.asarray(rows["bad"], dtype=bool)[both],
            regime[both],
        )

    def _together(
        self,
        is_candidate: NDArray[np.bool_],
        bad: NDArray[np.bool_],
        regime: NDArray[np.int64],
        copies: Sequence[tuple[bool, bool]],
    ) -> Outcomes:
        of_split = differences(is_candidate, bad, regime)
        pairs = np.array(copies, dtype=float).reshape(-1, 2)
        return Outcomes(
            Proportion(int(bad[~is_candidate].sum() + pairs[:, 0].sum()), int((~is_candidate).sum()) + len(pairs)),
            Proportion(int(bad[is_candidate].sum() + pairs[:, 1].sum()), int(is_candidate.sum()) + len(pairs)),
            np.concatenate([of_split, pairs[:, 1] - pairs[:, 0]]),
            len(of_split),
        )
