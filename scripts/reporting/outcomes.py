"""What two versions did, as outcomes side by side: requests that the split drew, and requests that were mirrored.

Three outcomes count against a version: an *error* (a status from 400 on: both versions meet the same callers, so what
callers do wrong weighs on both alike; what the edge had no place for says nothing of the version), a *slow* answer
(longer than a limit), and a *wrong* one (another label than the image's).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from scripts.pipeline.proportion import Proportion
from scripts.reporting.blocks import differences
from scripts.reporting.capital import Floats
from scripts.reporting.mirrored import PAIRED_REQUESTS, WITH_TRUTH
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
        seconds: between the first and the last outcome.
    """

    baseline: Proportion
    candidate: Proportion
    differences: Floats
    drawn: int
    seconds: float = 0.0


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
        copies = self._mirrored(f"ms > {limit_ms:.17g}", f"shadow_ms > {limit_ms:.17g}")
        return _together(drawn, copies[:0] if len(drawn.bad) else copies)

    def wrong(self) -> Outcomes:
        """Return which different images with a label got another one."""
        rows = self._fetch(
            f"SELECT run, epoch(time) AS at, version = $candidate AS is_candidate, label <> truth AS bad "
            f"FROM ({DISTINCT_LABELLED}) WHERE NOT shadow AND version IN ($baseline, $candidate) "
            "AND (request_id IN (SELECT request_id FROM requests WHERE is_split) "
            # Without an access log nobody can say which requests the split drew: all of them, then.
            "OR run NOT IN (SELECT run FROM requests) AND request_id NOT IN (SELECT request_id FROM requests)) "
            "ORDER BY line, time, request_id"
        )
        return _together(
            self._shared(rows),
            self._pairs(f"SELECT epoch(time), label <> truth, shadow_label <> truth FROM ({WITH_TRUTH})", "line"),
        )

    def _of_requests(self, bad: str, shadow_bad: str) -> Outcomes:
        return _together(self._drawn(bad), self._mirrored(bad, shadow_bad))

    def _drawn(self, bad: str) -> "_Drawn":
        return self._shared(
            self._fetch(
                f"SELECT run, epoch(time) AS at, version = $candidate AS is_candidate, {bad} AS bad FROM requests "
                "WHERE is_split AND NOT is_refused AND status > 0 AND version IN ($baseline, $candidate) "
                "ORDER BY time, request_id"
            )
        )

    def _mirrored(self, bad: str, shadow_bad: str) -> Floats:
        return self._pairs(f"SELECT epoch(time), {bad}, {shadow_bad} FROM ({PAIRED_REQUESTS})", "time")

    def _pairs(self, query: str, order: str) -> Floats:
        """Time, and whether the version's and the shadow's outcome was bad, [pairs, 3]."""
        where = f" WHERE version = $baseline AND shadow_version = $candidate ORDER BY {order}"
        found = self._fetch(query + where)
        return np.stack([np.asarray(column, dtype=float) for column in found.values()], axis=-1)

    def _fetch(self, query: str) -> Mapping[str, NDArray[Any]]:
        names = {"baseline": self.baseline, "candidate": self.candidate}
        found: Mapping[str, NDArray[Any]] = self.connection.execute(query, names).fetchnumpy()
        return found

    def _shared(self, rows: Mapping[str, NDArray[Any]]) -> "_Drawn":
        """Return the outcomes of the times in which both versions had any weight."""
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
        is_candidate, bad = (np.asarray(rows[name], dtype=bool)[both] for name in ("is_candidate", "bad"))
        return _Drawn(is_candidate, bad, regime[both], at[both])


@dataclass(frozen=True)
class _Drawn:
    """Outcomes that the split drew: whose, what, under which weights, when; each [outcomes]."""

    is_candidate: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    regime: NDArray[np.int64]
    at: Floats


def _together(drawn: _Drawn, pairs: Floats) -> Outcomes:
    of_split = differences(drawn.is_candidate, drawn.bad, drawn.regime)
    at = np.concatenate([drawn.at, pairs[:, 0]])
    return Outcomes(
        _counted(drawn.bad[~drawn.is_candidate], pairs[:, 1]),
        _counted(drawn.bad[drawn.is_candidate], pairs[:, 2]),
        np.concatenate([of_split, pairs[:, 2] - pairs[:, 1]]),
        len(of_split),
        float(np.ptp(at)) if len(at) else 0.0,
    )


def _counted(drawn: NDArray[np.bool_], mirrored: Floats) -> Proportion:
    return Proportion(int(drawn.sum() + mirrored.sum()), len(drawn) + len(mirrored))
