"""Who was drawn: the units whose split is held against the weights that were in effect when they came."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from scripts.reporting.ratio import Ratio, Regime, check
from scripts.reporting.weights import SETTLING_S, Weights

_NO_USERS = (
    "traffic.yaml keeps users with their version, and no prediction log says whose the requests are: "
    "counted by request the shares mean nothing"
)
_NO_REQUESTS = "no request was drawn by known weights, as far as the access logs say"
# A user is drawn once: when it is first seen. Whoever names no user is drawn with every request, but for who brings the
# cookie of an earlier one.
_USERS = """
    SELECT DISTINCT ON (unit) run, epoch(time) AS at, version, coalesce('u' || answers.user, 'r' || request_id) AS unit
    FROM requests LEFT JOIN (SELECT request_id, any_value("user") AS "user" FROM answers GROUP BY request_id) AS answers
        USING (request_id)
    WHERE is_split AND route <> 'kept' AND request_id IN (SELECT request_id FROM answers) ORDER BY unit, time
"""
_REQUESTS = "SELECT run, epoch(time) AS at, version FROM requests WHERE is_split AND route <> 'kept'"


def check_split(connection: duckdb.DuckDBPyConnection, weights: Sequence[Sequence[Weights]], *, sticky: bool) -> Ratio:
    """Return whether versions got what the weights of each run say.

    Args:
        connection: with the tables.
        weights: of each run, in their order.
        sticky: whether users stay with their version.
    """
    if sticky and not connection.execute("SELECT count(*) FROM answers").fetchall()[0][0]:
        return Ratio("users", {}, {}, 1.0, _NO_USERS)
    rows = connection.execute(_USERS if sticky else _REQUESTS).fetchnumpy()
    regimes = [regime for run, of_run in enumerate(weights) for regime in _regimes(rows, run, of_run)]
    found = check("users" if sticky else "requests", regimes)
    return found if sum(found.observed.values()) else Ratio(found.unit, {}, {}, 1.0, _NO_REQUESTS)


def _regimes(rows: Mapping[str, NDArray[Any]], run: int, weights: Sequence[Weights]) -> list[Regime]:
    here = np.asarray(rows["run"], dtype=np.int64) == run
    at = np.asarray(rows["at"], dtype=float)[here]
    version = np.asarray(rows["version"], dtype=object)[here]
    found = []
    for number, each in enumerate(weights):
        until = weights[number + 1].since_s if number + 1 < len(weights) else float("inf")
        settled = (at >= each.since_s + SETTLING_S) & (at < until - SETTLING_S)
        # With everything on one version there is nothing to draw; a version without weight is met by name alone.
        drawn_from = [name for name, weight in each.split.items() if weight]
        if len(drawn_from) > 1:
            counts = {name: int((version[settled] == name).sum()) for name in drawn_from}
            found.append(Regime(each.split, counts))
    return found
