"""A model's images as its archive would see them: decoded and scaled by the handler's own code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handler.decode import EncodedImage
from handler.errors import RequestError
from handler.metadata import Preprocessing
from handler.preprocess import load
from scripts.errors import UserError
from scripts.pipeline.data import unlabelled
from scripts.pipeline.data.files import MAX_MEGAPIXELS
from scripts.pipeline.data.sample import Part, Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled


@dataclass(frozen=True)
class Labelled:
    """Images ready for the graph.

    Attributes:
        images: uint8 [images, 3, crop, crop].
        labels: class index of each, [images].
        groups: kind of each, [images].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]


def labelled(spec: Spec, part: Part) -> Labelled:
    """Return one part; only the gate and the model card may see the test part."""
    return _load(samples(spec, part), spec)


def calibration(spec: Spec) -> Labelled:
    """Return the spec's number of training images, spread evenly over the part."""
    train = samples(spec, "train")
    chosen = np.linspace(0, len(train) - 1, min(spec.calibration.images, len(train))).astype(int)
    return _load([train[index] for index in chosen], spec)


def calibration_images(spec: Spec) -> NDArray[np.uint8]:
    """Return what the ranges of int8 come from, labelled or not, uint8 [images, 3, crop, crop]."""
    if isinstance(spec.data, Unlabelled):
        return unlabelled.images(spec, "calibration")
    return calibration(spec).images


def _load(chosen: Sequence[Sample], spec: Spec) -> Labelled:
    return Labelled(
        np.stack([read(sample, spec.preprocessing) for sample in chosen]),
        np.array([sample.label for sample in chosen]),
        np.array([sample.group for sample in chosen]),
    )


def read(sample: Sample, to: Preprocessing) -> NDArray[np.uint8]:
    """Return a sample as the graph gets it, uint8 [3, crop, crop]."""
    with _named(sample):
        return load(EncodedImage.open(sample.read(), MAX_MEGAPIXELS), to)


def decode(sample: Sample) -> NDArray[np.uint8]:
    """Return a sample in full, RGB, uint8 [height, width, 3]."""
    with _named(sample):
        return EncodedImage.open(sample.read(), MAX_MEGAPIXELS).decode()


@contextmanager
def _named(sample: Sample) -> Iterator[None]:
    """Say which sample can't be read or decoded any more; it could when it was dealt its part.

    Raises:
        UserError: it says so.
    """
    try:
        yield
    except (OSError, RequestError) as error:
        raise UserError(
            f"{sample.name}: {error}; it was well when the split was made: put it back as it was, or take it away and "
            "run `.venv/bin/python -m scripts.split_data --forget-missing` with the model's name"
        ) from error
