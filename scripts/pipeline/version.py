"""A checkpoint → graphs → verdict → archive: the way one version goes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from handler.engine import Engine
from handler.metadata import Arithmetic, Metadata
from scripts.errors import UserError
from scripts.pipeline import archive
from scripts.pipeline.export import export
from scripts.pipeline.gate import Verdict, classify, judge
from scripts.pipeline.images import calibration, held_out
from scripts.pipeline.network import build_network, load_checkpoint
from scripts.pipeline.quantize import keep_weights_only, quantize
from scripts.pipeline.spec import Spec

Precision = Literal["float32", "int8"]
_FLOAT_GRAPH = "model_float32.onnx"
_INT8_GRAPHS: dict[Arithmetic, str] = {"int8": "model_int8.onnx", "fp32": "model_int8_weights.onnx"}


@dataclass(frozen=True)
class Built:
    """An archive, and why it was allowed."""

    path: Path
    metadata: Metadata
    verdict: Verdict


def build_version(spec: Spec, version: str, precision: Precision, checkpoint: Path, model_store: Path) -> Built:
    """Return the archive of one version, built only if it passes the gate.

    Args:
        spec: of the model.
        version: any string of letters, digits, dots and dashes.
        precision: of the weights.
        checkpoint: safetensors of the spec's architecture.
        model_store: where the archive goes.

    Raises:
        UserError: the checkpoint does not fit, or the gate refuses, with the figures. No archive is written then.
    """
    with TemporaryDirectory() as name:
        graphs = Path(name)
        export_graphs(spec, precision, checkpoint, graphs)
        verdict = pass_gate(spec, precision, graphs)
        if not verdict.passed:
            raise UserError(
                f"version {version} does not pass the gate of {spec.folder / 'spec.yaml'}: "
                f"{'; '.join(verdict.failures)} (on {verdict.images} held-out images). No archive was written."
            )
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
            training=_evidence(spec, precision, checkpoint),
            gate=verdict.evidence(),
        )
        return Built(archive.build(metadata, graphs, model_store), metadata, verdict)


def export_graphs(spec: Spec, precision: Precision, checkpoint: Path, folder: Path) -> None:
    """Write the float32 graph and, for int8, both int8 graphs to `folder`.

    Raises:
        UserError: the checkpoint or the calibration images don't fit.
    """
    network = load_checkpoint(checkpoint, build_network(spec.architecture, len(spec.labels)))
    export(network, spec.preprocessing, folder / _FLOAT_GRAPH)
    if precision == "int8":
        try:
            quantize(folder / _FLOAT_GRAPH, calibration(spec).images, folder / _INT8_GRAPHS["int8"])
        except ValueError as error:
            raise UserError(f"{spec.folder / 'spec.yaml'}: `calibration.images`: {error}") from error
        keep_weights_only(folder / _INT8_GRAPHS["int8"], folder / _INT8_GRAPHS["fp32"])


def pass_gate(spec: Spec, precision: Precision, folder: Path) -> Verdict:
    """Return the verdict on the graphs in `folder`, all on the same held-out images."""
    test = held_out(spec)
    float32 = classify(Engine.load(folder / _FLOAT_GRAPH, "fp32", threads=0), test.images)
    arithmetics = _INT8_GRAPHS if precision == "int8" else {}
    int8 = {
        str(arithmetic): classify(Engine.load(folder / graph, arithmetic, threads=0), test.images)
        for arithmetic, graph in arithmetics.items()
    }
    return judge(float32, int8, test.labels, spec.gate)


def graph_names(precision: Precision) -> dict[Arithmetic, str]:
    """Return the graph for each arithmetic that an archive of this precision computes in."""
    return dict(_INT8_GRAPHS) if precision == "int8" else {"fp32": _FLOAT_GRAPH}


def _evidence(spec: Spec, precision: Precision, checkpoint: Path) -> dict[str, Any]:
    """Return what the archive keeps about where its weights come from."""
    calibrated = {"calibration_images": spec.calibration.images} if precision == "int8" else {}
    return calibrated | {
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "data": spec.data.source,
        "split_sha256": hashlib.sha256(spec.split_path.read_bytes()).hexdigest(),
        "recipe": spec.training.model_dump(mode="json"),
    }
