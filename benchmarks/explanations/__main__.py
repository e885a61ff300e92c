"""Measures what explanations cost, and what they are worth; see docs/explanations.md."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from benchmarks import product, workload
from benchmarks.explanations import cost, deletion
from benchmarks.explanations.agreement import Agreement
from benchmarks.results import RESULTS
from handler.engine import Engine
from handler.responses import softmax
from handler.service import Service
from handler.settings import Settings
from scripts import cli
from scripts.markdown import table
from scripts.pipeline.data import elpv
from scripts.pipeline.images import Labelled, labelled
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.serving.places import Places

# By what the tables call it: version, arithmetic.
GRAPHS = {
    "float32": (product.FLOAT32, "auto"),
    "int8, int8 arithmetic": (product.INT8, "int8"),
    "int8, fp32 arithmetic": (product.INT8, "fp32"),
}
_COST_IMAGES = 60
_COST = ("graph", "prediction, CPU ms", "explanation as numbers", "as PNG")
_AGREEMENT = ("graph", "class", "cells", "without a map", "mean", "median", "5th percentile")
_95 = 1.96
# The label of what has no defect.
_SOUND = "functional"


def main(
    output: Annotated[Path, typer.Option(help="Folder for the tables.")] = RESULTS,
    images: Annotated[int | None, typer.Option(min=2, help="Test images; all of them.")] = None,
) -> None:
    """Measure, print the tables and write them to a folder."""
    torch.set_num_threads(1)
    spec = Spec.load(MODELS / DEFAULT_MODEL)
    test = labelled(spec, "test")
    test = Labelled(test.images[:images], test.labels[:images], test.groups[:images])
    encoded = [cell.path.read_bytes() for cell in elpv.cells()[:_COST_IMAGES]]
    store = Places.from_environment(os.environ)
    with TemporaryDirectory() as name:
        services = {}
        for graph, (version, arithmetic) in GRAPHS.items():
            folder = workload.unpack(store.archive(product.MODEL, version), Path(name) / graph)
            services[graph] = Service.load(folder, Settings.model_validate({"arithmetic": arithmetic}))
        engines = {graph: service.engine for graph, service in services.items()}
        maps = {
            (graph, label): np.stack([engine.explain(image, index)[1] for image in test.images])
            for graph, engine in engines.items()
            for index, label in enumerate(spec.labels)
        }
        parts = [
            "# Explanations",
            "Written by `python -m benchmarks.explanations`.",
            "## Cost",
            table(_COST, list(_costs(services, encoded))),
            f"Of one image alone; explanations as multiples of the prediction, medians of {cost.ROUNDS} rounds over "
            f"{len(encoded)} cells (smallest to largest).",
            "## int8 beside float32",
            table(
                ("graph", "class", "cells", "without a map", "mean", "median", "5th percentile"),
                list(_agreements(maps, spec)),
            ),
            "Spearman's rank correlation of the maps of one cell.",
            "## Insertion and deletion",
            *_deletions(engines["float32"], test, labelled(spec, "train"), spec),
        ]
    text = "\n\n".join(parts) + "\n"
    output.mkdir(parents=True, exist_ok=True)
    (output / "explanations.md").write_text(text)
    print(text)


def _costs(services: Mapping[str, Service], images: list[bytes]) -> Iterator[tuple[str, ...]]:
    for graph, service in services.items():
        found = cost.ratios(service, images)
        yield graph, f"{found['prediction'].median * 1000:.2f}", found["map"].text(), found["png"].text()


def _agreements(maps: Mapping[tuple[str, str], deletion.Maps], spec: Spec) -> Iterator[tuple[str, ...]]:
    for graph in list(GRAPHS)[1:]:
        for label in spec.labels:
            found = Agreement.of(maps["float32", label], maps[graph, label])
            figures = (f"{value:.3f}" for value in (found.mean, found.median, found.worst))
            yield graph, label, str(found.images), str(found.blank), *figures


def _deletions(engine: Engine, images: Labelled, train: Labelled, spec: Spec) -> Iterator[str]:
    answers = engine.logits(images.images).argmax(axis=1)
    sound = _sound(engine, train, spec.labels.index(_SOUND))
    for index, label in enumerate(spec.labels):
        chosen = answers == index
        seen = images.images[chosen]
        maps = deletion.orders(np.stack([engine.explain(image, None)[1] for image in seen]))
        backgrounds: dict[str, NDArray[np.uint8] | None] = {"mean, blurred": None}
        if label != _SOUND:
            backgrounds["sound cell"] = np.stack([sound[group] for group in images.groups[chosen]])
        rows = []
        for background, instead in backgrounds.items():
            found = deletion.areas(engine, seen, instead, maps)
            for way in ("deletion", "insertion"):
                areas = {name: found[way, name] for name in maps}
                means = (f"{area.mean():.3f}" for area in areas.values())
                rows.append((f"{way}, {background}", *means, *_gains(way, areas)))
        yield f"Of the {chosen.sum()} test cells that are answered `{label}`:"
        yield table(("", *maps, "map against random", "map against centre"), rows)
    yield (
        f"Mean areas under the curves of {deletion.STEPS} steps, float32. In the last columns, by how much the map is "
        "better, the mean of the cells' differences with its 95 % interval; below 0 it is worse."
    )


def _sound(engine: Engine, train: Labelled, index: int) -> dict[str, NDArray[np.uint8]]:
    """Return the training image of each group that the network is most certain is sound."""
    certain = softmax(engine.logits(train.images))[:, index]
    certain[train.labels != index] = 0
    groups = np.array(train.groups)
    return {
        group: train.images[np.where(groups == group, certain, -1).argmax()] for group in np.unique(groups).tolist()
    }


def _gains(way: str, areas: Mapping[str, NDArray[np.float64]]) -> Iterator[str]:
    for other in ("random", "centre"):
        gain = areas[other] - areas["map"] if way == "deletion" else areas["map"] - areas[other]
        half = _95 * gain.std(ddof=1) / np.sqrt(len(gain))
        yield f"{gain.mean():+.3f} ({gain.mean() - half:+.3f} to {gain.mean() + half:+.3f})"


if __name__ == "__main__":
    cli.run(main)
