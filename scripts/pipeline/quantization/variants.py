"""What is compared: a way of quantizing, and what it made of the checkpoint."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from handler.metadata import Preprocessing

Runner = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""uint8 [images, 3, crop, crop], RGB -> float32 logits [images, labels], on one thread."""


@dataclass(frozen=True, eq=False)
class Material:
    """What every variant is made from.

    Attributes:
        network: with the checkpoint's weights, in evaluation mode.
        preprocessing: of the spec.
        calibration: uint8 [images, 3, crop, crop], from the train part.
        graph: the network as float32 ONNX.
        folder: where artefacts go.
    """

    network: nn.Module
    preprocessing: Preprocessing
    calibration: NDArray[np.uint8]
    graph: Path
    folder: Path


@dataclass(frozen=True)
class Built:
    """What a method made.

    Attributes:
        artefact: the file that would be shipped.
        arithmetic: that runs, as found in what runs.
        run: answers images.
    """

    artefact: Path
    arithmetic: str
    run: Runner


@dataclass(frozen=True)
class Method:
    """A way of quantizing, and what its result runs in."""

    name: str
    runtime: str
    build: Callable[[Material], Built]


@dataclass(frozen=True)
class Missing:
    """A method that made nothing here, and why."""

    name: str
    runtime: str
    reason: str


def build(methods: Iterable[Method], material: Material) -> tuple[dict[Method, Built], list[Missing]]:
    """Return what each method made, and those that made nothing on this machine."""
    built: dict[Method, Built] = {}
    missing: list[Missing] = []
    for method in methods:
        try:
            built[method] = method.build(material)
        except Exception as error:  # Whatever is missing (a compiler, a kernel, a package), the table says it.
            lines = str(error).strip().splitlines() or ["no reason given"]
            missing.append(Missing(method.name, method.runtime, f"{type(error).__name__}: {lines[0]}"))
    return built, missing
