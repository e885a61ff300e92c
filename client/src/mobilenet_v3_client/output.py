"""How outcomes are printed: one line each, as soon as it is known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mobilenet_v3_client.answers import Outcome

# What becomes of an outcome, given the name of its image; None: nothing of it goes to standard output.
Line = Callable[[str, "Outcome[Any]"], "str | None"]

_COLUMNS = ("file", "label", "index", "probability", "version", "request_id", "round_trip_ms", "error", "message")


@dataclass(frozen=True)
class Format:
    """A way to print.

    Attributes:
        line: of an outcome.
        header: the first line; None: there is none.
    """

    line: Line
    header: str | None = None


def _table(name: str, outcome: Outcome[Any]) -> str | None:
    found = outcome.prediction
    if found is None:
        return None
    shown = name if name.isprintable() else repr(name)
    return f"{found.probability:8.2%}  {found.label:<16} {found.version:<6} {found.round_trip_ms:7.1f} ms  {shown}"


def _jsonl(name: str, outcome: Outcome[Any]) -> str:
    said: dict[str, Any] = {"file": name}
    if outcome.prediction is not None:
        found = outcome.prediction
        said |= found.as_dict() | {"round_trip_ms": round(found.round_trip_ms, 3), "tries": found.tries}
    elif outcome.error is not None:
        error = outcome.error
        said["error"] = {
            "code": error.code,
            "message": error.message,
            "status": error.status,
            "request_id": error.request_id,
        }
    return json.dumps(said, ensure_ascii=False)


def _csv(name: str, outcome: Outcome[Any]) -> str:
    found, error = outcome.prediction, outcome.error
    if found is not None:
        known = (found.label, found.index, found.probability, found.version, found.request_id)
        return _row((name, *known, round(found.round_trip_ms, 3), "", ""))
    assert error is not None
    return _row((name, "", "", "", "", error.request_id or "", "", error.code, error.message))


def _row(values: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


FORMATS = {"table": Format(_table), "jsonl": Format(_jsonl), "csv": Format(_csv, ",".join(_COLUMNS))}
