"""A study as Markdown tables for the card, from `study.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from scripts.markdown import table
from scripts.pipeline.card.text import code, percent, with_interval
from scripts.pipeline.spec import Spec
from scripts.pipeline.study.definition import Study

FILE_NAME = "study.json"
_GRAPHS = {"float32": "float32", "int8 arithmetic": "int8"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Tables:
    """Markdown; a table that the study does not have is empty.

    Attributes:
        seeds: other random numbers.
        splits: other images.
        parts: one part of the recipe less or more.
        sizes: more and less arithmetic.
        best_seed: the one with the least loss on val; empty where none was measured.
        missing: models of the study that nobody has measured yet.
        machine: on which the times were taken; {} where none were.
    """

    seeds: str
    splits: str
    parts: str
    sizes: str
    best_seed: str
    missing: tuple[str, ...]
    machine: Mapping[str, Any]


def tables(spec: Spec) -> Tables | None:
    """Return the tables of the study beside a spec; None where there is none."""
    study, path = Study.of(spec.folder), spec.folder / FILE_NAME
    if not study.models:
        return None
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"models": {}, "machine": {}}
    rows: Mapping[str, Row] = found["models"]
    return Tables(
        seeds=_steadiness(study.seeds, rows),
        splits=_steadiness(study.splits, rows),
        parts=_parts(study.parts, rows),
        sizes=_sizes(study.sizes, rows),
        best_seed=min(
            (seed for seed in study.seeds if seed in rows), key=lambda seed: rows[seed]["val_loss"], default=""
        ),
        missing=tuple(model for model in study.models if model not in rows),
        machine=found["machine"],
    )


def _steadiness(models: Sequence[str], rows: Mapping[str, Row]) -> str:
    """Each model's loss and accuracies, then the latter's mean and standard deviation (of a sample)."""
    there = [model for model in models if model in rows]
    if not there:
        return ""
    columns = {"val": [rows[model]["val_accuracy"] for model in there]}
    columns |= {title: [_accuracy(rows[model], graph) for model in there] for graph, title in _GRAPHS.items()}
    lines = [
        (code(model), _loss(rows[model]), *(percent(values[at]) for values in columns.values()))
        for at, model in enumerate(there)
    ]
    if len(there) > 1:
        deviations = (f"{100 * stdev(values):.2f} points" for values in columns.values())
        lines.append(("**mean**", "", *(percent(mean(values)) for values in columns.values())))
        lines.append(("**standard deviation**", "", *deviations))
    return table(("", "loss on val", "float32 on val", "float32 on test", "int8 on test"), lines)


def _parts(models: Mapping[str, str], rows: Mapping[str, Row]) -> str:
    there = {what: model for what, model in models.items() if model in rows}
    if not there:
        return ""
    lines = [
        (
            what,
            code(model),
            str(rows[model]["epochs"]),
            _loss(rows[model]),
            percent(rows[model]["val_accuracy"]),
            *(_with_interval(rows[model], graph) for graph in _GRAPHS),
            f"{rows[model]['measured']['float32']['roc_auc']:.4f}",
        )
        for what, model in there.items()
    ]
    return table(
        ("", "model", "epochs", "loss on val", "val", "float32 on test", "int8 on test", "ROC-AUC, float32"), lines
    )


def _sizes(models: Sequence[str], rows: Mapping[str, Row]) -> str:
    there = [model for model in models if "cpu_ms" in rows.get(model, {})]
    if not there:
        return ""
    whole = rows[there[0]]["multiply_adds"]
    lines = [
        (
            code(model),
            f"{rows[model]['multiply_adds'] / 1e6:.1f} million ({rows[model]['multiply_adds'] / whole:.0%})",
            name,
            f"{rows[model]['bytes'][name] / 1e6:.2f}",
            *(f"{at[0]:.2f} ({at[1]:.2f} to {at[2]:.2f})" for at in rows[model]["cpu_ms"][name].values()),
            _with_interval(rows[model], graph),
            percent(rows[model]["measured"][graph]["paired"]["agreement"]) if name == "int8" else "",
        )
        for model in there
        for graph, name in _GRAPHS.items()
        if graph in rows[model]["measured"]
    ]
    head = ("model", "multiply-adds", "graph", "MB", "ms, batch 1", "ms, batch 8", "accuracy on test")
    return table((*head, "same label as float32"), lines)


def _loss(row: Row) -> str:
    return f"{row['val_loss']:.4f}"


def _accuracy(row: Row, graph: str) -> float:
    # A machine without int8 dot products leaves int8 unmeasured; its arithmetic on the same weights stands for it.
    measured = row["measured"]
    return float(measured.get(graph, measured["fp32 arithmetic"])["accuracy"])


def _with_interval(row: Row, graph: str) -> str:
    found = row["measured"].get(graph)
    return with_interval(found["accuracy"], found["accuracy_95"]) if found else "unmeasured"
