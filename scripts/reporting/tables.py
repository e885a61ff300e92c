"""The logs as two tables of an in-memory DuckDB, where joins and aggregates are done.

    requests    a line of an access log each that asked for a prediction: run, time, request_id, version (null: the edge
                answered by itself), shadow, status, ms, path, route, flags; `is_split`: the edge drew the version;
                `is_refused`: it had no place for the request, and the version did not see it
    answers     an image of a prediction log each: run, time, request_id, user, version, shadow, image, label,
                probability, margin, ms, error (null, or why it was refused)

`run` is the position of the folder. Health checks, the demo page and the like are in neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from scripts.reporting.logs import Logs, first_malformed

_REQUESTS = {
    "time": "TIMESTAMPTZ",
    "request_id": "VARCHAR",
    "version": "VARCHAR",
    "shadow": "BOOLEAN",
    "status": "INTEGER",
    "ms": "DOUBLE",
    "method": "VARCHAR",
    "path": "VARCHAR",
    "route": "VARCHAR",
    "flags": "VARCHAR",
}
_ANSWERS = {
    "time": "TIMESTAMPTZ",
    "request_id": "VARCHAR",
    "user": "VARCHAR",
    "version": "VARCHAR",
    "shadow": "BOOLEAN",
    "image": "VARCHAR",
    "label": "VARCHAR",
    "probability": "DOUBLE",
    "margin": "DOUBLE",
    "ms": "DOUBLE",
    "error": "VARCHAR",
}
# What makes a line a record of its log; in a line that is no JSON all of it is null.
_REQUEST = (
    "time IS NOT NULL AND request_id IS NOT NULL AND shadow IS NOT NULL AND status IS NOT NULL "
    "AND (ms IS NOT NULL OR shadow)"
)
_ANSWER = (
    "time IS NOT NULL AND request_id IS NOT NULL AND version IS NOT NULL AND shadow IS NOT NULL AND "
    "(label IS NOT NULL AND probability BETWEEN 0 AND 1 OR error IS NOT NULL)"
)


@dataclass(frozen=True)
class Malformed:
    """Lines of a file that are no records.

    Attributes:
        path: of the file.
        lines: how many.
        first: number of the first that is not even JSON with an id and a time; 0 where all are.
    """

    path: Path
    lines: int
    first: int

    @property
    def text(self) -> str:
        """One sentence's part for a person."""
        where = f", the first is line {self.first}" if self.first else ""
        return f"{self.path}: {self.lines} malformed {'line' if self.lines == 1 else 'lines'}{where}"


def load(
    connection: duckdb.DuckDBPyConnection, logs: Sequence[Logs], model: str, since_s: float = 0.0
) -> list[Malformed]:
    """Make both tables, and return what could not be read.

    Args:
        connection: without them.
        logs: by run.
        model: the served name; what was asked of another one is left out.
        since_s: seconds since 1970; records of before are left out.
    """
    connection.execute("SET TimeZone = 'UTC'")
    malformed = _read(connection, "requests", _REQUESTS, _REQUEST, [log.access for log in logs])
    malformed += _read(connection, "answers", _ANSWERS, _ANSWER, [log.predictions for log in logs])
    for table in ("requests", "answers"):
        connection.execute(f"DELETE FROM {table} WHERE epoch(time) < $since", {"since": since_s})
    # A copy's time begins when TorchServe gets it, so one that never came there has none.
    connection.execute("UPDATE requests SET ms = 0 WHERE ms IS NULL")
    # Envoy's mark of a full circuit breaker. A copy that found no place is no copy.
    connection.execute("ALTER TABLE requests ADD COLUMN is_refused BOOLEAN")
    connection.execute("UPDATE requests SET is_refused = coalesce(flags LIKE '%UO%', false)")
    connection.execute("DELETE FROM requests WHERE shadow AND is_refused")
    connection.execute(
        "DELETE FROM requests WHERE method <> 'POST' OR path <> $path AND NOT starts_with(path, $path || '/')",
        {"path": f"/predictions/{model}"},
    )
    # Refused for who asked, or how often, before a version had anything to do with it.
    connection.execute("UPDATE requests SET version = NULL WHERE status IN (401, 429)")
    # By the name of the edge's route (deploy/edge/routes.yaml.j2) and not by the path, which has a version either way:
    # the edge has rewritten it when it writes the line.
    connection.execute("ALTER TABLE requests ADD COLUMN is_split BOOLEAN")
    connection.execute(
        "UPDATE requests SET is_split = "
        "NOT shadow AND version IS NOT NULL AND coalesce(route IN ('split', 'kept'), false)"
    )
    return malformed


def _read(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    whole: str,
    files: Sequence[Sequence[Path]],
) -> list[Malformed]:
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"CREATE TABLE {table} (run INTEGER, {declared}, file VARCHAR)")
    shape = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items()) + "}"
    for run, paths in enumerate(files):
        if paths:
            connection.execute(
                f"INSERT INTO {table} SELECT {run}, * FROM read_json($paths, columns={shape}, "
                "format='newline_delimited', ignore_errors=true, filename=true)",
                {"paths": [str(path) for path in paths]},
            )
    bad = connection.execute(
        f"SELECT file, count(*) FROM {table} WHERE NOT coalesce({whole}, false) GROUP BY file ORDER BY file"
    ).fetchall()
    connection.execute(f"DELETE FROM {table} WHERE NOT coalesce({whole}, false)")
    return [Malformed(Path(file), lines, first_malformed(Path(file))) for file, lines in bad]
