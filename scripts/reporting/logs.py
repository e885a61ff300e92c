"""The files of one or many run folders: prediction logs, access logs, rotated ones beside them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import UserError

_ROTATED = r"(\.\d+)?"
_PREDICTIONS = re.compile(r".+\.jsonl" + _ROTATED)
_ACCESS = re.compile(r"access\.log" + _ROTATED)


@dataclass(frozen=True)
class Logs:
    """What lies in one run folder; either kind may be missing.

    Attributes:
        folder: of one server, edge or pod.
        predictions: its prediction logs.
        access: its edge's access logs.
    """

    folder: Path
    predictions: tuple[Path, ...]
    access: tuple[Path, ...]


def find(folders: Sequence[Path], model: str, since_s: float = 0.0) -> list[Logs]:
    """Return the logs of each folder once, in the order given, but for files that end before `since_s`.

    Args:
        folders: of runs.
        model: the served name; a folder may have served another one before.
        since_s: seconds since 1970.

    Raises:
        UserError: a folder is missing, holds no log, or those of other models.
    """
    return [_logs(folder, model, since_s) for folder in dict.fromkeys(folder.resolve() for folder in folders)]


def _logs(folder: Path, model: str, since_s: float) -> Logs:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name run folders, for example LOGS=run.")
    predictions, access = _predictions(folder, model), _named(folder, _ACCESS)
    others = {path.name.split("-")[0] for path in _named(folder / "predictions", _PREDICTIONS)} - {model}
    if others and not predictions:
        raise UserError(
            f"{folder}: its predictions are of {', '.join(sorted(others))}, none of {model}; name the model that is "
            "meant: MODEL=<its folder in models/>."
        )
    if not predictions and not access:
        raise UserError(f"{folder}: neither predictions/{model}-*.jsonl nor access.log is there; is it a run folder?")
    return Logs(folder, _written(predictions, since_s), _written(access, since_s))


def only_predictions(folder: Path, model: str) -> Logs:
    """Return the prediction logs of a model in a run folder, of which there may be none."""
    return Logs(folder, _predictions(folder, model), ())


def first_malformed(path: Path) -> int:
    """Return the number of the first line that is no record of a log: no JSON, or without id, time or version."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                record = json.loads(line)
                whole = record["request_id"] is not None and isinstance(record["time"], str)
            except (ValueError, TypeError, KeyError):
                whole = False
            if line.strip() and not whole:
                return number
    return 0


def _predictions(folder: Path, model: str) -> tuple[Path, ...]:
    # As workers name them (handler/prediction_log.py).
    return tuple(path for path in _named(folder / "predictions", _PREDICTIONS) if path.name.startswith(f"{model}-"))


def _named(folder: Path, pattern: re.Pattern[str]) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name) and path.is_file()))


def _written(paths: Sequence[Path], since_s: float) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.stat().st_mtime >= since_s)
