"""How a checkpoint was trained, for a reader: the recipe as tables, the log in a few figures."""

import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from scripts.markdown import table
from scripts.pipeline.card.text import percent, plain, words
from scripts.pipeline.spec_training import Phase, Training

_HOUR_S, _MINUTE_S = 3600, 60


def recipe_tables(recipe: Mapping[str, Any]) -> str:
    """Return the `training` of a spec, as an archive keeps it: what goes for all phases, then the phases."""
    common = [(key, plain(words(recipe[key]))) for key in _ordered(recipe, Training) if key != "phases"]
    phases: Sequence[Mapping[str, Any]] = recipe.get("phases", ())
    keys = _ordered({key for phase in phases for key in phase if key != "name"}, Phase)
    by_key = [(key, *(plain(words(phase.get(key))) for phase in phases)) for key in keys]
    names = [plain(str(phase.get("name", ""))) for phase in phases]
    tables = [table(("for all phases", ""), common), table(("phase", *names), by_key)]
    return "\n\n".join(tables if phases else tables[:1])


def log_text(path: Path) -> str:
    """Return what `training_log.csv` says, in a sentence or two; empty where there is no such file."""
    if not path.is_file():
        return ""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return ""
    best = max(rows, key=lambda row: float(row["val_accuracy"]))
    phases = {row["phase"]: sum(other["phase"] == row["phase"] for other in rows) for row in rows}
    spent = _duration(sum(float(row["seconds"]) for row in rows))
    last, highest = (percent(float(row["val_accuracy"])) for row in (rows[-1], best))
    by_phase = ", ".join(f"{plain(name)} {count}" for name, count in phases.items())
    return (
        f"{len(rows)} epochs ({by_phase}) in {spent}, on the machine and beside the other work of that day. Accuracy "
        f"on val after the last epoch: {last}; the best of any epoch was {highest}, after epoch {best['epoch']}. The "
        "checkpoint is the running average of the weights after the last epoch; no epoch is picked."
    )


def _ordered(keys: Collection[str], record: type[BaseModel]) -> list[str]:
    """The keys as a spec has them; an archive's JSON has them sorted. Those of another time come last."""
    known = [key for key in record.model_fields if key in keys]
    return known + sorted(set(keys) - set(known))


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), _HOUR_S)
    minutes = round(rest / _MINUTE_S)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{rest} s"
