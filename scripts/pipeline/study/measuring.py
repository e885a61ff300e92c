"""What is measured of each model of a study, kept in `study.json`.

models      by folder of models/:
    checkpoint_sha256, split_sha256    of what was measured (`scripts.pipeline.study.basis`)
    epochs                             of its training
    multiply_adds                      of one image
    bytes                              of the `float32` graph and of the `int8` one, which computes in int8
    images, images_sha256              by part, val and test: how many, and of their names
    wrong                              by part, which float32 calls wrongly, each with the index of the label that it
                                       gives instead: for `scripts.pipeline.study.beside`
    val                                on the val part, by graph as in `bytes`: accuracy, loss (cross-entropy to the
                                       labels' probabilities, in nats) and agreement (share with float32's label)
    measured                           by graph, on the test part: accuracy, accuracy_95, roc_auc, calibration_error,
                                       and of int8 `paired` (`scripts.pipeline.measured`)
times       all of one run:
    machine                            processor, cores, int8 instructions, versions
    models                             by folder, those of `sizes`: checkpoint_sha256, and by graph and batch size
                                       [median, smallest, largest] ms of CPU for one image on one thread, all in turns
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from handler.engine import Engine
from handler.metadata import Arithmetic
from scripts.errors import UserError
from scripts.pipeline.data.sample import Part
from scripts.pipeline.data.sources import samples
from scripts.pipeline.gate import REFERENCE, Verdict
from scripts.pipeline.images import labelled
from scripts.pipeline.pruning import multiply_adds
from scripts.pipeline.spec import Spec
from scripts.pipeline.study.basis import made_of
from scripts.pipeline.study.graphs import export_once, graphs
from scripts.pipeline.training.log import read_csv
from scripts.pipeline.version import pass_gate
from scripts.pipeline.weights import evidence, load_network

_FIGURES = ("accuracy", "accuracy_95", "roc_auc", "calibration_error", "paired")
PARTS: tuple[Part, ...] = ("val", "test")
"""That were not learned from."""


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
    export_once(spec, folder)
    verdict = _verdict(spec, folder)
    figures = {graph: found.as_json() for graph, found in verdict.measured.items()}
    return {
        **made,
        "epochs": len(log),
        "multiply_adds": multiply_adds(load_network(spec, None), spec.preprocessing.crop),
        "bytes": {graph: path.stat().st_size for graph, (path, _) in graphs(folder).items()},
        **_image_by_image(spec, {name: of for name, of in graphs(folder).items() if name not in verdict.unmeasured}),
        "measured": {
            graph: {name: found[name] for name in _FIGURES if name in found} for graph, found in figures.items()
        },
    }


def _verdict(spec: Spec, folder: Path) -> Verdict:
    verdict = pass_gate(spec, "int8", folder)
    if not isinstance(verdict, Verdict):
        raise UserError(f"{spec.folder / 'spec.yaml'}: without labelled images there is nothing to measure")
    if not verdict.measured:
        raise UserError(f"{spec.checkpoint_path}: {'; '.join(verdict.failures)}; train it again")
    return verdict


def _image_by_image(spec: Spec, files: Mapping[str, tuple[Path, Arithmetic]]) -> dict[str, Any]:
    """Return `images`, `images_sha256`, `wrong` and `val`."""
    engines = {name: Engine.load(path, arithmetic, threads=1) for name, (path, arithmetic) in files.items()}
    found: dict[str, Any] = {"images": {}, "images_sha256": {}, "wrong": {}}
    for part in PARTS:
        known, images = samples(spec, part), labelled(spec, part)
        names = [sample.name for sample in known]
        asked = engines if part == "val" else {REFERENCE: engines[REFERENCE]}
        logits = {name: engine.logits(images.images) for name, engine in asked.items()}
        answered = zip(names, logits[REFERENCE].argmax(axis=1).tolist(), images.labels, strict=True)
        found["images"][part] = len(names)
        found["images_sha256"][part] = hashlib.sha256("\n".join(names).encode()).hexdigest()
        found["wrong"][part] = {name: label for name, label, true in answered if label != true}
        if part == "val":
            found["val"] = _on_val(logits, images.labels, np.array([sample.target for sample in known]))
    return found


def _on_val(
    logits: Mapping[str, NDArray[np.float32]], labels: NDArray[np.int64], targets: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Return `val`.

    Args:
        logits: each graph's, [images, labels].
        labels: [images].
        targets: probability of each label, [images, labels].
    """
    called = {graph: found.argmax(axis=1) for graph, found in logits.items()}
    return {
        graph: {
            "accuracy": float((called[graph] == labels).mean()),
            "loss": float(-(targets * log_softmax(found, axis=1)).sum(axis=1).mean()),
            "agreement": float((called[graph] == called[REFERENCE]).mean()),
        }
        for graph, found in logits.items()
    }
