"""Accuracy of a model's float checkpoint on one part of its data: `python -m scripts.evaluate --model elpv`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from scripts.cli import run
from scripts.pipeline.elpv import Cell, part
from scripts.pipeline.evaluation import Result, compare, logits
from scripts.pipeline.network import build_network, load_checkpoint
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.training_data import network_input


def evaluate(spec: Spec, checkpoint: Path, cells: Sequence[Cell]) -> dict[str, Result]:
    """Results over all `cells`, and over those of each type."""
    network = load_checkpoint(checkpoint, build_network(spec.architecture, len(spec.labels)))
    predicted = logits(network, network_input(cells, spec.preprocessing)).argmax(1).numpy()
    true = np.array([cell.label for cell in cells])
    kinds = np.array([cell.kind for cell in cells])
    results = {"all": compare(predicted, true, len(spec.labels))}
    for kind in sorted(set(kinds.tolist())):
        results[kind] = compare(predicted[kinds == kind], true[kinds == kind], len(spec.labels))
    return results


def as_text(results: dict[str, Result], labels: Sequence[str]) -> str:
    """A line for each group, then the confusion over all."""
    lines = [
        f"{name}: {result.accuracy:.2%} of {result.images} (95 % interval {low:.2%} to {high:.2%})"
        for name, result in results.items()
        for low, high in [result.interval]
    ]
    for label, row in zip(labels, results["all"].confusion, strict=True):
        lines.append(
            f"{label}: " + ", ".join(f"{count} called {other}" for other, count in zip(labels, row, strict=True))
        )
    return "\n".join(lines)


def as_json(results: dict[str, Result]) -> str:
    """The same for a program; fractions of 1."""
    return json.dumps(
        {
            name: {
                "images": result.images,
                "accuracy": result.accuracy,
                "interval_95": result.interval,
                "confusion": result.confusion,
            }
            for name, result in results.items()
        }
    )


def main(
    model: Annotated[str, typer.Option(help="Folder in models/")] = "elpv",
    checkpoint: Annotated[Path | None, typer.Option(help="Instead of the spec's")] = None,
    on: Annotated[Literal["train", "val", "test"], typer.Option("--part", help="Of the split")] = "test",
    as_object: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Print top-1 accuracy with its interval, by cell type, and the confusion."""
    spec = Spec.load(MODELS / model)
    results = evaluate(spec, checkpoint or spec.checkpoint_path, part(spec.split_path, on))
    print(as_json(results) if as_object else as_text(results, spec.labels))


if __name__ == "__main__":
    run(main)
