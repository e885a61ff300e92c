"""A study as Markdown tables for the card, from `study.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from scripts.markdown import table
from scripts.pipeline import spec_file
from scripts.pipeline.card.text import code, percent
from scripts.pipeline.spec import Spec
from scripts.pipeline.study.basis import holds
from scripts.pipeline.study.beside import Row, beside
from scripts.pipeline.study.definition import Study
from scripts.pipeline.study.sizes import GRAPHS, accuracy, on_val, sizes_table

FILE_NAME = "study.json"


@dataclass(frozen=True)
class Tables:
    """Markdown; a table that the study does not have is empty.

    Attributes:
        seeds: other random numbers.
        splits: other images.
        parts: one part of the recipe less or more.
        sizes: more and less arithmetic.
        missing: models of the study that nobody has measured yet.
        stale: those in whose place another checkpoint or split is now; they are in no table until they are measured.
        machine: on which the times were taken; {} where none were.
    """

    seeds: str
    splits: str
    parts: str
    sizes: str
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    machine: Mapping[str, Any]


def tables(spec: Spec) -> Tables | None:
    """Return the tables of the study beside a spec; None where there is none."""
    study, path = Study.of(spec.folder), spec.folder / FILE_NAME
    if not study.models:
        return None
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"models": {}, "times": {}}
    known: Mapping[str, Row] = found["models"]
    rows = {model: row for model, row in known.items() if _holds(row, spec.folder.parent / model)}
    return Tables(
        seeds=_seeds(study.seeds, rows),
        splits=_steadiness(study.splits, rows, {}),
        parts=_parts(study.parts, rows),
        sizes=sizes_table(study.sizes, rows, found["times"].get("models", {})),
        missing=tuple(model for model in study.models if model not in known),
        stale=tuple(model for model in study.models if model in known and model not in rows),
        machine=found["times"].get("machine", {}),
    )


def _holds(row: Row, folder: Path) -> bool:
    # A model that was measured and taken away stays in the tables.
    return not (folder / spec_file.FILE_NAME).is_file() or holds(row, Spec.load(folder))


def _seeds(models: Sequence[str], rows: Mapping[str, Row]) -> str:
    """As `_steadiness`, and whether one is better on val than the first by more than chance."""
    there = [model for model in models if model in rows]
    compared = [beside(rows[model], rows.get(models[0]), "val") for model in there]
    return _steadiness(there, rows, {"on val beside the first, in points": compared})


def _steadiness(models: Sequence[str], rows: Mapping[str, Row], more: Mapping[str, Sequence[str]]) -> str:
    """Each model's loss, accuracies and `more` columns, then the accuracies' mean and deviation (of a sample)."""
    there = [model for model in models if model in rows]
    if not there:
        return ""
    columns = {"float32 on val": [rows[model]["val"]["float32"]["accuracy"] for model in there]}
    columns |= {
        f"{title} on test": [_accuracy(rows[model], graph) for model in there] for graph, title in GRAPHS.items()
    }
    lines = [
        (
            code(model),
            _loss(rows[model]),
            *(_cell(values[at]) for values in columns.values()),
            *(text[at] for text in more.values()),
        )
        for at, model in enumerate(there)
    ]
    if len(there) > 1:
        empty = [""] * len(more)
        found = [[value for value in values if value is not None] for values in columns.values()]
        lines.append(("**mean**", "", *(percent(mean(values)) if values else "" for values in found), *empty))
        deviations = (f"{100 * stdev(values):.2f} points" if len(values) > 1 else "" for values in found)
        lines.append(("**standard deviation**", "", *deviations, *empty))
    return table(("", "loss on val", *columns, *more), lines)


def _parts(models: Mapping[str, str], rows: Mapping[str, Row]) -> str:
    there = {what: model for what, model in models.items() if model in rows}
    if not there:
        return ""
    whole = rows.get(next(iter(models.values())))
    lines = [
        (
            what,
            code(model),
            str(rows[model]["epochs"]),
            _loss(rows[model]),
            on_val(rows[model], "float32"),
            *(accuracy(rows[model], graph) for graph in GRAPHS),
            beside(rows[model], whole, "test"),
            f"{rows[model]['measured']['float32']['roc_auc']:.4f}",
        )
        for what, model in there.items()
    ]
    on_test = ("float32 on test", "int8 on test", "float32 beside the first's, in points", "ROC-AUC, float32")
    return table(("", "model", "epochs", "loss on val", "val", *on_test), lines)


def _loss(row: Row) -> str:
    return f"{row['val']['float32']['loss']:.4f}"


def _accuracy(row: Row, graph: str) -> float | None:
    # A machine without int8 dot products leaves int8 unmeasured.
    found = row["measured"].get(graph)
    return found and float(found["accuracy"])


def _cell(accuracy: float | None) -> str:
    return "unmeasured" if accuracy is None else percent(accuracy)
