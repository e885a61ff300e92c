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
    keys, models = _walk(model_type, [part for part in error["loc"] if part != "[key]"])
    path = ".".join(keys)
    match error["type"]:
        case "extra_forbidden":
            known = [field.alias or name for name, field in models[0].model_fields.items()]
            return f"unknown key `{path}`; {_hint(keys[-1], known)}"
        case "missing":
            return f"`{path}` is missing; add it."
        case "union_tag_not_found":
            return f"`{path}.{_discriminator(error)}` is missing; add it."
        case "union_tag_invalid":
            known = [tag.strip("'") for tag in error["ctx"]["expected_tags"].split(", ")]
            tag = error["ctx"]["tag"]
            return f"`{path}.{_discriminator(error)}`: {tag!r} is unknown; {_hint(tag, known)}"
        case "model_attributes_type" | "model_type":
            return f"`{path}` must hold keys and values (it is {error['input']!r})."
    message = error["msg"].removeprefix("Value error, ")
    return f"`{path}`: {message} (it is {error['input']!r})." if path else f"{message}."


def _hint(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}."


def _discriminator(error: Any) -> str:
    return str(error["ctx"]["discriminator"]).strip("'")


def _walk(model_type: type[pydantic.BaseModel], loc: list[Any]) -> tuple[list[str], list[type[pydantic.BaseModel]]]:
    """The keys on the way to an error, and the record (or records, in a union) that its last key should be in."""
    keys: list[str] = []
    models = inside = [model_type]
    for part in loc:
        tagged = [model for model in inside if _has_tag(model, part)] if len(inside) > 1 else []
        if tagged:
            inside = tagged  # Pydantic names which of a union's records it tried; the file has no such key.
            continue
        keys.append(str(part))
        models = inside
        field = models[0].model_fields.get(str(part))
        # A key of a dict or an index of a list leads no deeper: the model was already unwrapped from its container.
        inside = (_models_in(field.annotation) if field else []) or models
    return keys, models


def _has_tag(model: type[pydantic.BaseModel], tag: Any) -> bool:
    return any(
        typing.get_origin(field.annotation) is typing.Literal and tag in typing.get_args(field.annotation)
        for field in model.model_fields.values()
    )


def _models_in(annotation: Any) -> list[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [annotation]
    return [model for argument in typing.get_args(annotation) for model in _models_in(argument)]
