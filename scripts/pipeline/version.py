"""A checkpoint → graphs → verdict → archive: the way one version goes."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch

from handler.engine import Engine
from handler.metadata import Arithmetic, Metadata
from scripts.errors import UserError
from scripts.files import replace_file, sha256
from scripts.pipeline import archive, explanation, weights
from scripts.pipeline.calibration_size import require_enough
from scripts.pipeline.data import unlabelled
from scripts.pipeline.export import export
from scripts.pipeline.gate import REFERENCE, Verdict, examine, judge, not_finite, unmeasurable
from scripts.pipeline.gate_unlabelled import AgreementVerdict, judge_agreement
from scripts.pipeline.gradient import gradient_of_head
from scripts.pipeline.images import calibration_images, labelled
from scripts.pipeline.quantize import quantize_for_serving
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled
from scripts.pipeline.weights import load_network

Precision = Literal["float32", "int8"]
_FLOAT_GRAPH = "model_float32.onnx"
_INT8_GRAPHS: dict[Arithmetic, str] = {"int8": "model_int8.onnx", "fp32": "model_int8_weights.onnx"}


@dataclass(frozen=True)
class Built:
    """An archive, and why it was allowed."""

    path: Path
    metadata: Metadata
    verdict: Verdict | AgreementVerdict


class Refused(UserError):
    """The gate refuses a version; the sentence has every figure that misses its threshold."""

    def __init__(self, spec: Spec, version: str, verdict: Verdict | AgreementVerdict) -> None:
        super().__init__(
            f"version {version} does not pass the gate of {spec.folder / 'spec.yaml'}: "
            f"{'; '.join(verdict.failures)} (on {verdict.images} held-out images). No archive was written."
        )
        self.verdict = verdict


def build_version(spec: Spec, version: str, precision: Precision, checkpoint: Path | None, model_store: Path) -> Built:
    """Return the archive of one version, built only if it passes the gate.

    Args:
        spec: of the model.
        version: any string of letters, digits, dots and dashes.
        precision: of the weights.
        checkpoint: safetensors of the spec's architecture; None means the spec's own weights.
        model_store: where the archive goes.

    Raises:
        UserError: the checkpoint does not fit, or learned by another split than the gate judges by.
        Refused: the gate refuses. No archive is written then.
    """
    with TemporaryDirectory() as name:
        graphs = Path(name)
        # First, since it may refuse, and all that follows takes its time.
        origin = _origin(spec, checkpoint)
        calibrated = export_graphs(spec, precision, checkpoint, graphs)
        verdict = pass_gate(spec, precision, graphs)
        if not verdict.passed:
            raise Refused(spec, version, verdict)
        metadata = Metadata(
            name=spec.name,
            version=version,
            architecture=spec.architecture,
            precision=precision,
            labels=spec.labels,
            preprocessing=spec.preprocessing,
            graphs=graph_names(precision),
            license=spec.license,
            files={},
            training=origin | ({"calibration_images": calibrated} if calibrated else {}),
            gate=verdict.evidence(),
        )
        path = archive.build(metadata, graphs, model_store)
        # Beside the archive, as latencies differ from run to run and its bytes must not.
        replace_file(path.with_suffix(".gate.json"), json.dumps(verdict.record(), indent=1) + "\n")
        return Built(path, metadata, verdict)


def export_graphs(spec: Spec, precision: Precision, checkpoint: Path | None, folder: Path) -> int:
    """Write the float32 graph and, for int8, both int8 graphs to `folder`; return how many images gave int8 its ranges.

    Raises:
        UserError: the checkpoint or the calibration images don't fit.
    """
    network = load_network(spec, checkpoint)
    export(network, spec.preprocessing, folder / _FLOAT_GRAPH)
    calibrated = _quantize(spec, checkpoint, folder) if precision == "int8" else 0
    # Afterwards, so that no gradient is quantized.
    if gradient := gradient_of_head(network, spec.preprocessing.crop):
        for graph in graph_names(precision).values():
            explanation.explain(gradient, network, folder / graph)
    return calibrated


def _quantize(spec: Spec, checkpoint: Path | None, folder: Path) -> int:
    images = calibration_images(spec)
    require_enough(spec, len(images))
    try:
        quantize_for_serving(folder / _FLOAT_GRAPH, images, *(folder / _INT8_GRAPHS[kind] for kind in ("int8", "fp32")))
    except ValueError as error:  # ONNX Runtime's, of ranges that are NaN or infinite.
        raise UserError(f"{weights.origin(spec, checkpoint)}: int8 has no ranges: {error}; train again") from error
    return len(images)


def pass_gate(spec: Spec, precision: Precision, folder: Path) -> Verdict | AgreementVerdict:
    """Return the verdict on the graphs in `folder`, all on the same held-out images."""
    capabilities = torch.cpu.get_capabilities()
    int8 = _INT8_GRAPHS if precision == "int8" else {}
    unmeasured = unmeasurable(list(int8), capabilities)
    graphs: dict[str, tuple[str, Arithmetic]] = {REFERENCE: (_FLOAT_GRAPH, "fp32")}
    graphs |= {
        f"{arithmetic} arithmetic": (graph, arithmetic)
        for arithmetic, graph in int8.items()
        if arithmetic not in unmeasured
    }
    # One thread, as a worker has it by default.
    engines = {name: Engine.load(folder / graph, kind, threads=1) for name, (graph, kind) in graphs.items()}
    if spec.gate is None:
        views = unlabelled.images(spec, "gate")
        logits = {name: engine.logits(views) for name, engine in engines.items()}
        if broken := not_finite(logits):
            return AgreementVerdict(len(views), spec.agreement_gate, {}, unmeasured, broken)
        classes = {name: found.argmax(axis=1) for name, found in logits.items()}
        return judge_agreement(classes.pop(REFERENCE), classes, unmeasured, spec.agreement_gate)
    held_out = labelled(spec, "test")
    logits = {name: engine.logits(held_out.images) for name, engine in engines.items()}
    if broken := not_finite(logits):
        return Verdict(len(held_out.labels), spec.gate, {}, unmeasured, broken)
    measured = examine(engines, logits, held_out, spec.labels, capabilities)
    return judge(measured, unmeasured, spec.gate)


def graph_names(precision: Precision) -> dict[Arithmetic, str]:
    """Return the graph for each arithmetic that an archive of this precision computes in."""
    return dict(_INT8_GRAPHS) if precision == "int8" else {"fp32": _FLOAT_GRAPH}


def _origin(spec: Spec, checkpoint: Path | None) -> dict[str, Any]:
    """Return what the archive keeps about its weights: where from, what they learned, by which split they are judged.

    Raises:
        UserError: they learned by another split than the gate judges by.
    """
    data: dict[str, Any] = {"data": spec.data.source}
    if not isinstance(spec.data, Unlabelled):
        data["split_sha256"] = sha256(spec.split_path)
    return weights.evidence(spec, checkpoint) | data
