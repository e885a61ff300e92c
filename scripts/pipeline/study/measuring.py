"""What is measured of each model of a study, kept in `study.json`.

models      by folder of models/:
    checkpoint_sha256, split_sha256    of what was measured
    epochs                             of its training
    val_accuracy, val_loss             after the last of them
    multiply_adds                      of one image
    bytes                              of the `float32` graph and of the `int8` one, which computes in int8
    images, wrong                      by part, val and test: how many, and which float32 calls wrongly, each with the
                                       index of the label that it gives instead: for `scripts.pipeline.study.beside`
    measured                           by graph, on the test part: accuracy, accuracy_95, roc_auc, calibration_error,
                                       and of int8 `paired` (`scripts.pipeline.measured`)
times       all of one run:
    machine                            processor, cores, int8 instructions, versions
    models                             by folder, those of `sizes`: checkpoint_sha256, and by graph and batch size
                                       [median, smallest, largest] ms of CPU for one image on one thread, all in turns
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from handler.engine import Engine
from handler.metadata import Arithmetic
from scripts.errors import UserError
from scripts.files import sha256
from scripts.pipeline.data.sample import Part
from scripts.pipeline.data.sources import samples
from scripts.pipeline.gate import REFERENCE, Verdict
from scripts.pipeline.images import Labelled, labelled
from scripts.pipeline.pruning import multiply_adds
from scripts.pipeline.quantization.measure import BATCHES, interleaved
from scripts.pipeline.spec import Spec
from scripts.pipeline.training.log import read_csv
from scripts.pipeline.version import export_graphs, graph_names, pass_gate
from scripts.pipeline.weights import digest, evidence, load_network
from scripts.spread import Spread

_FIGURES = ("accuracy", "accuracy_95", "roc_auc", "calibration_error", "paired")
_DIGITS = 3
PARTS: tuple[Part, ...] = ("val", "test")
"""That were not learned from."""


def made_of(spec: Spec) -> dict[str, str]:
    """Return what a measurement is of: it holds as long as these are the same."""
    return {"checkpoint_sha256": digest(spec, None), "split_sha256": sha256(spec.split_path)}


def measure(spec: Spec, folder: Path) -> dict[str, Any]:
    """Return a model's figures; its graphs are left in `folder`, which is made.

    Raises:
        UserError: it can't be exported or judged, it learned by another split than its own, or its log is missing.
    """
    log_path = spec.folder / "training_log.csv"
    if not log_path.is_file():
        raise UserError(f"{log_path}: no such file; `make train MODEL={spec.folder.name}` writes it")
    # What is measured takes a while, and a training may end meanwhile.
    made = made_of(spec)
    evidence(spec, None)  # Refuses what `make archive` refuses.
    log = read_csv(log_path)
    _export(spec, folder)
    verdict = pass_gate(spec, "int8", folder)
    if not isinstance(verdict, Verdict):
        raise UserError(f"{spec.folder / 'spec.yaml'}: without labelled images there is nothing to measure")
    figures = {graph: found.as_json() for graph, found in verdict.measured.items()}
    seen = {part: labelled(spec, part) for part in PARTS}
    return {
        **made,
        "epochs": len(log),
        "val_accuracy": log[-1].val_accuracy,
        "val_loss": log[-1].val_loss,
        "multiply_adds": multiply_adds(load_network(spec, None), spec.preprocessing.crop),
        "images": {part: len(images.labels) for part, images in seen.items()},
        "wrong": {part: _wrong(spec, part, images, folder) for part, images in seen.items()},
        "bytes": {name: path.stat().st_size for name, (path, _) in _graphs(folder).items()},
        "measured": {
            graph: {name: found[name] for name in _FIGURES if name in found} for graph, found in figures.items()
        },
    }


def require_one_crop(specs: Mapping[str, Spec]) -> None:
    """Raise UserError where models that are to be timed beside each other take images of different sizes."""
    first = next(iter(specs.values()), None)
    for name, spec in specs.items():
        if first and spec.preprocessing.crop != first.preprocessing.crop:
            raise UserError(
                f"study.yaml: `sizes`: {name} takes images of {spec.preprocessing.crop} pixels, and "
                f"{first.folder.name} of {first.preprocessing.crop}: their times can't be compared; take one out"
            )


def times(specs: Mapping[str, Spec], rounds: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Return `times.models`.

    Args:
        specs: of the models to time, by name; all take images of one size.
        rounds: of timing.
        folder: where `measure` left the graphs of some; those of the others are added.
    """
    if not specs:
        return {}
    for name, spec in specs.items():
        _export(spec, folder / name)
    runners: list[Callable[[Any], Any]] = [
        Engine.load(path, arithmetic, threads=1).logits
        for name in specs
        for path, arithmetic in _graphs(folder / name).values()
    ]
    images = labelled(next(iter(specs.values())), "test").images[: max(BATCHES)]
    found = iter(interleaved(runners, images, rounds))
    return {
        name: {
            "checkpoint_sha256": digest(spec, None),
            **{graph: _spreads(next(found)) for graph in _graphs(folder / name)},
        }
        for name, spec in specs.items()
    }


def _export(spec: Spec, folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir()
        export_graphs(spec, "int8", None, folder)


def _wrong(spec: Spec, part: Part, images: Labelled, folder: Path) -> dict[str, int]:
    path, arithmetic = _graphs(folder)[REFERENCE]
    called = Engine.load(path, arithmetic, threads=1).logits(images.images).argmax(axis=1)
    names = [sample.name for sample in samples(spec, part)]
    return {name: int(label) for name, label, true in zip(names, called, images.labels, strict=True) if label != true}


def _spreads(turns: dict[int, list[tuple[float, float]]]) -> dict[str, list[float]]:
    spreads = {batch: Spread.of([cpu for cpu, _ in taken]) for batch, taken in turns.items()}
    return {
        str(batch): [round(value, _DIGITS) for value in (spread.median, spread.low, spread.high)]
        for batch, spread in spreads.items()
    }


def _graphs(folder: Path) -> dict[str, tuple[Path, Arithmetic]]:
    return {
        REFERENCE: (folder / graph_names("float32")["fp32"], "fp32"),
        "int8": (folder / graph_names("int8")["int8"], "int8"),
    }
