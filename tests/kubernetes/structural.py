"""A definition's schema without its rules: defaults, what is not named, and lists that are sets or maps."""

import copy
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def parts(schema: Schema) -> Iterator[Schema]:
    yield schema
    for inner in (*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from parts(inner)


def strict(schema: Schema) -> Schema:
    """Return the schema with all that it does not name forbidden."""
    for part in parts(schema):
        if "properties" in part and "additionalProperties" not in part:
            assert "x-kubernetes-preserve-unknown-fields" not in part, "would be refused here and is not there"
            part["additionalProperties"] = False
    return schema


def with_defaults(schema: Schema, value: Any) -> Any:
    if isinstance(value, list):
        return [with_defaults(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    added = {name: copy.deepcopy(of["default"]) for name, of in properties.items() if "default" in of}
    return {name: with_defaults(of_field(schema, name), inner) for name, inner in {**added, **value}.items()}


def of_field(schema: Schema, name: str) -> Schema:
    rest = schema.get("additionalProperties")
    inner: Schema = schema.get("properties", {}).get(name, rest if isinstance(rest, dict) else {})
    return inner


def inside(schema: Schema, value: Any, where: str) -> Iterator[tuple[Schema, Any, str]]:
    if isinstance(value, list):
        yield from ((schema.get("items", {}), item, f"{where}[{place}]") for place, item in enumerate(value))
    elif isinstance(value, dict):
        yield from ((of_field(schema, name), inner, f"{where}.{name}") for name, inner in value.items())


def repeated(schema: Schema, value: Any, where: str) -> Iterator[str]:
    """Yield where a list that is a set, or a map by some keys, has one of them twice."""
    kind = schema.get("x-kubernetes-list-type")
    if kind in ("set", "map"):
        keys = schema.get("x-kubernetes-list-map-keys", [])
        seen = [[item.get(key) for key in keys] if kind == "map" else item for item in value]
        yield from (f"{where}: {item} is there twice" for place, item in enumerate(seen) if item in seen[:place])
    for inner in inside(schema, value, where):
        yield from repeated(*inner)
