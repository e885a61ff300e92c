"""Strict parsing: an unknown key or a wrong value is one sentence that names it."""

import difflib
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

Model = TypeVar("Model", bound=pydantic.BaseModel)


class StrictModel(pydantic.BaseModel):
    """A frozen record that refuses keys it does not know."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


def load(model_type: type[Model], mapping: Mapping[str, Any], where: str) -> Model:
    """Return `mapping` as a `model_type`.

    Args:
        model_type: the record to build.
        mapping: parsed YAML or JSON.
        where: the file (or variable) it came from; it begins the error.

    Raises:
        ValueError: one sentence that names `where`, the key and, for an unknown key, the nearest known one.
    """
    try:
        return model_type.model_validate(mapping)
    except pydantic.ValidationError as error:
        # A misspelt key is also a missing one, and named as what it is.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        raise ValueError(f"{where}: {_sentence(model_type, first)}") from None


def _sentence(model_type: type[pydantic.BaseModel], error: Any) -> str:
    *parents, key = error["loc"] or ("",)
    path = ".".join(str(part) for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        known = _known_keys(model_type, parents)
        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}."
        return f"unknown key `{path}`; {hint}"
    if error["type"] == "missing":
        return f"`{path}` is missing; add it."
    message = error["msg"].removeprefix("Value error, ")
    return f"`{path}`: {message} (it is {error['input']!r})." if path else f"{message}."


def _known_keys(model_type: type[pydantic.BaseModel], parents: list[Any]) -> list[str]:
    for part in parents:
        field = model_type.model_fields.get(str(part))
        inner = None if field is None else _model_in(field.annotation)
        # A key of a dict or an index of a list leads no deeper: the model was already unwrapped from its container.
        model_type = inner or model_type
    return [field.alias or name for name, field in model_type.model_fields.items()]


def _model_in(annotation: Any) -> type[pydantic.BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    found = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
