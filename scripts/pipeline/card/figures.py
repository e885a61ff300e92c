"""The evidence as tables: every graph a column."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.markdown import table
from scripts.pipeline.card.goals import Published
from scripts.pipeline.card.text import between, code, percent, plain, with_interval

_MOST_LABELS = 10
"""Of a thousand labels, the ones that are recognised worst."""
_FEW_LABELS = 3
Graph = tuple[str, Mapping[str, Any]]


def graphs(evidence: Mapping[str, Any]) -> list[Graph]:
    """Title and figures of the float32 graph and of each int8 one."""
    float32, int8 = (evidence["archives"][version]["gate"]["measured"] for version in ("1.0", "2.0"))
    others = [(f"2.0: int8, {name}", measured) for name, measured in int8.items() if "paired" in measured]
    return [("1.0: float32", float32["float32"]), *others]


def figures_table(columns: Sequence[Graph]) -> str:
    """A line for each figure, a column for each graph; 95 % intervals in brackets."""
    measured = [figures for _, figures in columns]
    first = measured[0]
    rows = [_row("**accuracy**", measured, _accuracy)]
    rows += [
        _row(f"{plain(group)} ({of['images']})", [figures["groups"][group] for figures in measured], _accuracy)
        for group, of in first["groups"].items()
    ]
    for label in _worst(first):
        rows += list(_recall_rows(label, measured))
    rows += [_row("**ROC-AUC**", measured, _area)]
    rows += [_row(plain(group), [figures["groups"][group] for figures in measured], _area) for group in first["groups"]]
    rows += [_row("**calibration error**", measured, _calibration)]
    rows += [
        _row(plain(group), [figures["groups"][group] for figures in measured], _calibration)
        for group in first["groups"]
    ]
    rows += [_row("computed with", measured, lambda figures: code(figures["instructions"] or "unknown"))]
    return table(("", *(title for title, _ in columns)), rows)


def paired_table(columns: Sequence[Graph]) -> str:
    """How each int8 graph differs from float32, image by image."""
    rows = [
        (
            title,
            with_interval(paired["drop"], paired["drop_95"]),
            f"{paired['lost']}, {paired['won']}",
            f"{paired['mcnemar_p']:.2g}",
            with_interval(paired["agreement"], paired["agreement_95"]),
        )
        for title, figures in columns
        if (paired := figures.get("paired"))
    ]
    return table(("", "drop in accuracy", "lost, won", "McNemar's p", "same label as float32"), rows)


def confusion_tables(columns: Sequence[Graph], labels: Sequence[str]) -> list[str]:
    """For each graph, how the images of each label were called; none above twenty labels."""
    return [
        table(
            (f"{title}", *(f"called {plain(label)}" for label in labels)),
            [
                (plain(label), *(str(count) for count in row))
                for label, row in zip(labels, figures["confusion"], strict=True)
            ],
        )
        for title, figures in columns
        if figures["confusion"]
    ]


def data_table(data: Mapping[str, Any]) -> str:
    """The images of each part, by label and by group."""
    labels = list(data["test"]["labels"])
    shown = labels if len(labels) <= _MOST_LABELS else []
    groups = dict.fromkeys(group for part in data.values() for group in part["groups"])
    rows = [
        (
            part,
            str(counts["images"]),
            *(str(counts["labels"][label]) for label in shown),
            *(str(counts["groups"].get(group, 0)) for group in groups),
        )
        for part, counts in data.items()
    ]
    return table(("part", "images", *map(plain, shown), *map(plain, groups)), rows)


def published_table(published: Sequence[Published], float32: Mapping[str, Any]) -> str:
    """What others reached, and where that lies beside the float32 graph's interval."""
    low, high = float32["accuracy_95"]
    rows = [
        (
            plain(line.what),
            percent(line.accuracy),
            f"{'below' if line.accuracy < low else 'above' if line.accuracy > high else 'inside'} ours "
            f"({between((low, high))})",
            line.source,
        )
        for line in published
    ]
    return table(("published", "accuracy", "beside our float32's 95 % interval", "source"), rows)


def _recall_rows(label: str, measured: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    def recall(figures: Mapping[str, Any]) -> str:
        found = figures["recall"].get(label)
        return with_interval(found["share"], found["share_95"]) if found else "no images"

    yield _row(f"**recall of {plain(label)}** ({measured[0]['recall'][label]['images']})", measured, recall)
    if len(measured[0]["recall"]) <= _FEW_LABELS:
        for group in measured[0]["groups"]:
            yield _row(plain(group), [figures["groups"][group] for figures in measured], recall)


def _worst(figures: Mapping[str, Any]) -> list[str]:
    recall = figures["recall"]
    return sorted(recall, key=lambda label: recall[label]["share"])[:_MOST_LABELS]


def _row(name: str, measured: Sequence[Mapping[str, Any]], figure: Any) -> tuple[str, ...]:
    return (name, *(figure(figures) for figures in measured))


def _accuracy(figures: Mapping[str, Any]) -> str:
    return with_interval(figures["accuracy"], figures["accuracy_95"])


def _area(figures: Mapping[str, Any]) -> str:
    return "none: one label only" if figures["roc_auc"] is None else f"{figures['roc_auc']:.4f}"


def _calibration(figures: Mapping[str, Any]) -> str:
    return percent(figures["calibration_error"])
