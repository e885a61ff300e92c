"""The whole comparison of one model: `run` does it, `Comparison` is what it found."""

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from handler.arithmetic import INT8_DOT_PRODUCTS
from scripts.pipeline.calibration_size import require_enough
from scripts.pipeline.export import export
from scripts.pipeline.images import Labelled, calibration, labelled
from scripts.pipeline.quantization import calibration as calibrations
from scripts.pipeline.quantization import layers, onnx_methods, pt2e, torch_methods, weights
from scripts.pipeline.quantization.calibration import Calibrated
from scripts.pipeline.quantization.layers import Layer
from scripts.pipeline.quantization.measure import Row, measure
from scripts.pipeline.quantization.variants import Built, Material, Method, Missing, build
from scripts.pipeline.spec import Spec
from scripts.pipeline.weights import digest, load_network

METHODS = (*onnx_methods.METHODS, *torch_methods.METHODS, *pt2e.METHODS)
ROUNDS = 15
_LAYER_IMAGES = 64
_SHOWN_CAPABILITIES = (*INT8_DOT_PRODUCTS, "avx2", "avx512_f", "neon")


@dataclass(frozen=True)
class Comparison:
    """Everything that one run found.

    Attributes:
        model: folder in models/.
        checkpoint_sha256: of the weights, also of torchvision's.
        machine: processor, what it has for int8, versions.
        images: how many of each part were looked at.
        rows: a variant each; the first is the reference.
        missing: variants that this machine can't make.
        calibrated: calibrations, by images that were not calibrated with.
        layers: of the int8 graph of an archive.
        per_tensor_worst_channel_db: the worst channel's weights with one scale a tensor, dB.
    """

    model: str
    checkpoint_sha256: str
    machine: Mapping[str, Any]
    images: Mapping[str, int]
    rows: tuple[Row, ...]
    missing: tuple[Missing, ...]
    calibrated: tuple[Calibrated, ...]
    layers: tuple[Layer, ...]
    per_tensor_worst_channel_db: float | None

    def as_json(self) -> dict[str, Any]:
        """Return everything."""
        return asdict(self)


def run(spec: Spec, folder: Path, rounds: int, progress: Callable[[str], None]) -> Comparison:
    """Compare every method on the spec's own weights.

    Args:
        spec: of the model.
        folder: for artefacts.
        rounds: of timing.
        progress: is told what is done next.

    Raises:
        UserError: there are too few images to calibrate with.
    """
    torch.set_num_threads(1)
    network, images = load_network(spec, None), calibration(spec).images
    require_enough(spec, len(images))
    material = Material(network, spec.preprocessing, images, folder / "float32.onnx", folder)
    export(network, spec.preprocessing, material.graph)
    held_out, test = labelled(spec, "val"), labelled(spec, "test")
    progress("calibrations")
    calibrated = calibrations.compare(material, held_out.images)
    progress("variants")
    built, missing = build(METHODS, material)
    progress("size, time, accuracy")
    rows = measure(built, test, rounds)
    progress("layers")
    int8 = _graph(built, onnx_methods.INT8)
    found = layers.compare(material.graph, int8, _spread(held_out)) if int8 else []
    return Comparison(
        model=spec.folder.name,
        checkpoint_sha256=digest(spec, None),
        machine=machine(),
        images={"calibration": len(material.calibration), "held out": len(held_out.labels), "test": len(test.labels)},
        rows=tuple(rows),
        missing=tuple(missing),
        calibrated=tuple(calibrated),
        layers=tuple(found),
        per_tensor_worst_channel_db=_worst_channel(material.graph, _graph(built, onnx_methods.PER_TENSOR)),
    )


def _graph(built: Mapping[Method, Built], name: str) -> Path | None:
    return next((made.artefact for method, made in built.items() if method.name == name), None)


def _worst_channel(float32: Path, int8: Path | None) -> float | None:
    if int8 is None:
        return None
    found = weights.compare(onnx.load(float32), onnx.load(int8))
    return min((one.worst_channel_db for one in found.values()), default=None)


def _spread(images: Labelled) -> Any:
    count = len(images.labels)
    return images.images[np.linspace(0, count - 1, min(_LAYER_IMAGES, count)).astype(int)]


def machine() -> dict[str, Any]:
    """Return processor, cores, what it has for int8, and versions."""
    capabilities = torch.cpu.get_capabilities()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return {
        "processor": next(names, platform.processor()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "int8_dot_products": [name for name in INT8_DOT_PRODUCTS if capabilities.get(name)],
        "capabilities": {name: bool(capabilities.get(name)) for name in _SHOWN_CAPABILITIES},
        "pytorch_int8_kernels": torch.backends.quantized.engine,
        "versions": {name: version(name) for name in ("torch", "torchao", "onnxruntime", "onnx", "numpy")},
    }
