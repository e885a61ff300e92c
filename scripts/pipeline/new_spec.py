"""The spec.yaml of a new model, written for the person who will edit it."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts import PYTHON
from scripts.pipeline.data import elpv
from scripts.pipeline.data.sample import Part
from scripts.pipeline.recipe import training_section
from scripts.pipeline.spec_data import Elpv, Folder, Labelled, Named, Table

ARCHITECTURE = "mobilenet_v3_small"
_CALIBRATION_IMAGES = 256
_SMALL = 96
_USUAL = 224
_ONE_PERCENT = 0.01


@dataclass(frozen=True)
class Facts:
    """What a new model's spec is written from.

    Attributes:
        name: the served name.
        data: where the images lie.
        labels: by class index.
        parts: the split.
        longest_side: of any image, pixels.
        start: weights to start from, as `training.start` names them.
        start_license: of those weights, where their file says so.
        architecture: torchvision's name of the network.
    """

    name: str
    data: Labelled
    labels: Sequence[str]
    parts: Mapping[str, Part]
    longest_side: int
    start: str
    start_license: str = ""
    architecture: str = ARCHITECTURE


def spec_text(facts: Facts) -> str:
    """The spec as YAML, with comments."""
    images = Counter(facts.parts.values())
    side = _SMALL if facts.longest_side <= _SMALL else _USUAL
    # A solar cell has no up; what else people photograph usually has.
    turns = "dihedral" if isinstance(facts.data, Elpv) else "mirror"
    return "\n".join(
        [
            _head(facts),
            _data(facts.name, facts.data, images),
            _preprocessing(side),
            training_section(images["train"], side, facts.start, turns),
            _after_training(images, len(facts.labels)),
        ]
    )


def quoted(text: str) -> str:
    """A double-quoted YAML scalar; what no editor shows is escaped."""
    escapes = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escapes)


def _head(facts: Facts) -> str:
    name, data, labels = facts.name, facts.data, facts.labels
    own = elpv.LICENSE if isinstance(data, Elpv) else "Not stated yet: yours to write here"
    other = facts.start_license if facts.start_license != own else ""
    inherited = f". Training began from weights under: {other}" if other else ""
    listed = "\n".join(f"  - {quoted(label)}" for label in labels)
    return f"""\
# What this model is, which data it learns from, and what a version of it must reach. Written once, from DATA, by
# `make new-model` or `make train`; from now on it is yours to edit.
name: {quoted(name)}                       # the served name: POST /predictions/{name}
description: {quoted(f"Images of {len(labels)} classes, from {_place(data)}")}
# Any of torchvision's classifiers (docs/architectures.md). mobilenet_v3_large is more accurate than mobilenet_v3_small,
# at about three times the work.
architecture: {facts.architecture}
checkpoint: checkpoint.safetensors
# By class index. Their order and number belong to the checkpoint: change them only before training.
labels:
{listed}
# Of the weights. It goes into every archive and is shown to whoever serves it; usually what the images' licence allows.
license: {quoted(own + inherited)}
"""


def _place(data: Labelled) -> str:
    match data:
        case Folder():
            return data.folder
        case Table():
            return data.table
        case Named() | Elpv():
            return data.source


def _data(name: str, data: Labelled, images: Mapping[Part, int]) -> str:
    listed = "files that can't be used are in left_out.csv"
    match data:
        case Folder():
            comment, place = f"<label>/<image>; {listed}", f"  folder: {quoted(data.folder)}\n"
        case Table():
            comment, place = f"A CSV table; {listed}", f"  table: {quoted(data.table)}\n"
        case Named():
            comment = "torchvision keeps it in `folder`; its own test part is ours"
            place = f"  folder: {quoted(data.folder)}\n"
        case Elpv():
            comment, place = "The solar cells of the package elpv-dataset; the split is that of models/elpv", ""
    return f"""\
# {comment}.
# The split has {images["train"]} images to learn from, {images["val"]} (val) to watch the training by, and
# {images["test"]} (test) that only the gate and the model card see.
# For images added later: `{PYTHON} -m scripts.split_data --model {name}`
data:
  source: {data.source}
{place}  split: split.csv
"""


def _preprocessing(side: int) -> str:
    reason = "the usual size" if side == _USUAL else "small, as all images are: 224 would cost five times as much"
    return f"""\
# The shorter side to `resize` (antialiased), then the centre `crop`, in pixels:
# {reason}.
# Mean and standard deviation are ImageNet's, per channel RGB.
preprocessing:
  resize: {side}
  crop: {side}
  interpolation: bilinear
  mean: [0.485, 0.456, 0.406]
  std: [0.229, 0.224, 0.225]
"""


def _after_training(images: Mapping[Part, int], labels: int) -> str:
    chance = math.floor(10_000 / labels) / 10_000
    # One image of a small test part is more than one percent; to the next thousandth.
    lost = max(_ONE_PERCENT, math.ceil(1000 / images["test"]) / 1000)
    return f"""\
# Images of the train part, at most, that the ranges of int8 are taken from; a few hundred are enough.
calibration: {{images: {_CALIBRATION_IMAGES}}}
# No archive is made of a version that misses one of these on the {images["test"]} test images.
gate:
  min_accuracy: {chance:<10g} # no better than guessing: raise it to what you need
  # The next two allow one percent, or a single test image where that is more, to the next thousandth.
  max_drop: {lost:<14g} # in accuracy, from float32 to int8
  min_agreement: {1 - lost:<9g} # share of images that float32 and int8 label alike
"""
