"""The spec.yaml of a model that goes on from another, written for the person who will edit it."""

import json
from collections.abc import Mapping
from typing import Any

from scripts.pipeline.new_spec import quoted
from scripts.pipeline.spec import Spec


def successor_text(spec: Spec, origin: str, data: str) -> str:
    """The spec as YAML, with comments.

    Args:
        spec: as it shall be read.
        origin: name of the model that it goes on from.
        data: the folder of further images.
    """
    labels = "\n".join(f"  - {quoted(label)}" for label in spec.labels)
    data_section = {"source": spec.data.source, **spec.data.model_dump(mode="json", exclude_defaults=True)}
    recipe = spec.recipe.model_dump(mode="json", exclude_defaults=True)
    phases = "".join("    -" + _block(phase, 6)[5:] for phase in recipe.pop("phases"))
    gate = spec.gate.model_dump(mode="json", exclude_none=True) if spec.gate else {}
    return f"""\
# What this model is: models/{origin}, trained further with labelled images of {json.dumps(data)}. Written once, by
# `make train MODEL={spec.name} DATA=… FROM={origin}`; from now on it is yours to edit.
name: {quoted(spec.name)}
description: {quoted(spec.description)}
architecture: {spec.architecture}
checkpoint: checkpoint.safetensors
# By class index, as the checkpoint that it starts from has them.
labels:
{labels}
# Of the weights, as of models/{origin}; whether the further images allow it is yours to say.
license: {quoted(spec.license)}
# Data and split are those of models/{origin}: the same images are for val and test. The folders of `also`,
# <label>/<image>, are only learned from; what is among the data already is left out (left_out.csv).
data:
{_block(data_section)}
preprocessing:
{_block(spec.preprocessing.model_dump(mode="json"))}
# A short training of all layers at a low learning rate; docs/training.md says what every key means.
training:
{_block(recipe)}  phases:
{phases}
# Of the train part; of `also`, none.
calibration: {_flow(spec.calibration.model_dump(mode="json"))}
gate:
{_block(gate)}"""


def _block(section: Mapping[str, Any], indent: int = 2) -> str:
    """A line for each key."""
    return "".join(f"{' ' * indent}{key}: {_flow(value)}\n" for key, value in section.items())


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str():
            return quoted(value)
    return json.dumps(value)
