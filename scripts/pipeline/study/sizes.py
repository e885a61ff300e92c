"""The table of more and less arithmetic: what each model costs, and what it is worth."""

from collections.abc import Mapping, Sequence

from scripts.markdown import table
from scripts.pipeline.card.text import code, percent, with_interval
from scripts.pipeline.study.beside import Row, beside, gain

GRAPHS = {"float32": "float32", "int8 arithmetic": "int8"}
"""As `study.json` names what was measured, and as tables name it."""


def sizes_table(models: Sequence[str], rows: Mapping[str, Row], times: Mapping[str, Row]) -> str:
    """Return a line for each graph of each model that was measured; empty where none was.

    Args:
        models: the first is the one that the others are held against.
        rows: `models` of `study.json`.
        times: its `times.models`; those of another checkpoint are not shown.
    """
    first = models[0] if models else ""
    lines = [
        (
            code(model),
            _multiply_adds(row, rows.get(first)),
            name,
            f"{row['bytes'][name] / 1e6:.2f}",
            *_ms(row, times.get(model, {}), name),
            on_val(row, name),
            accuracy(row, graph),
            *_compared(row, rows.get(first), graph, first),
        )
        for model in models
        if (row := rows.get(model))
        for graph, name in GRAPHS.items()
        if graph in row["measured"]
    ]
    head = ("model", "multiply-adds", "graph", "MB", "ms, batch 1", "ms, batch 8", "on val", "accuracy on test")
    return table((*head, "in points beside", "same label as float32"), lines) if lines else ""


def accuracy(row: Row, graph: str) -> str:
    """Return a graph's accuracy on the test part, with its interval."""
    found = row["measured"].get(graph)
    return with_interval(found["accuracy"], found["accuracy_95"]) if found else "unmeasured"


def on_val(row: Row, name: str) -> str:
    """Return a graph's accuracy on the val part, by its name in tables."""
    return percent(row["val"][name]["accuracy"]) if name in row["val"] else "unmeasured"


def _multiply_adds(row: Row, first: Row | None) -> str:
    share = f" ({row['multiply_adds'] / first['multiply_adds']:.0%})" if first else ""
    return f"{row['multiply_adds'] / 1e6:.1f} million{share}"


def _ms(row: Row, times: Row, name: str) -> tuple[str, ...]:
    if times.get("checkpoint_sha256") != row["checkpoint_sha256"]:
        return "", ""
    return tuple(f"{median:.2f} ({low:.2f} to {high:.2f})" for median, low, high in times[name].values())


def _compared(row: Row, first: Row | None, graph: str, name: str) -> tuple[str, str]:
    """Return float32 beside that of the first model, another graph beside the same model's float32; and agreement."""
    if paired := row["measured"][graph].get("paired"):
        of_float32 = gain(paired["drop"], paired["drop_95"], paired["mcnemar_p"])
        return f"{of_float32}; float32", percent(paired["agreement"])
    found = beside(row, first, "test")
    return f"{found}; {code(name)}" if found else "", ""
