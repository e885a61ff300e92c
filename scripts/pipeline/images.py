"""A model's images as its archive would see them: decoded and scaled by the handler's own code."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.decode import EncodedImage
from handler.metadata import Preprocessing
from handler.preprocess import preprocess
from scripts.pipeline import elpv
from scripts.pipeline.spec import Spec

_MAX_MEGAPIXELS = 100.0  # Our own files: only a damaged header says more.


@dataclass(frozen=True)
class Labelled:
    """Images ready for the graph.

    Attributes:
        images: uint8 [images, crop, crop, 3].
        labels: class index of each, [images].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.intp]


def held_out(spec: Spec) -> Labelled:
    """Return the test part, which only the gate and the model card may see."""
    return _load(elpv.part(spec.split_path, "test"), spec)


def calibration(spec: Spec) -> Labelled:
    """Return the spec's number of training images, spread evenly over the part."""
    cells = elpv.part(spec.split_path, "train")
    chosen = np.linspace(0, len(cells) - 1, min(spec.calibration.images, len(cells))).astype(int)
    return _load([cells[index] for index in chosen], spec)


def _load(cells: list[elpv.Cell], spec: Spec) -> Labelled:
    images = np.stack([_read(cell.path, spec.preprocessing) for cell in cells])
    return Labelled(images, np.array([cell.label for cell in cells]))


def _read(path: Path, to: Preprocessing) -> NDArray[np.uint8]:
    return preprocess(EncodedImage.open(path.read_bytes(), _MAX_MEGAPIXELS).decode(), to)
