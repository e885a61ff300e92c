"""A definition's rules (x-kubernetes-validations), each evaluated wherever its part of the schema stands."""

import functools
import re
from collections.abc import Iterator
from typing import Any

import celpy
from celpy import celtypes

from tests.kubernetes.structural import Schema, inside, of_field

# https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules:
# a field whose name is one of CEL's reserved words is reached as __name__.
_RESERVED = {
    *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"),
    *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def rules(schema: Schema) -> list[dict[str, str]]:
    """Return the rules of this part of a schema."""
    found: list[dict[str, str]] = schema.get("x-kubernetes-validations", [])
    return found


@functools.cache
def compiled(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule))


def broken_rules(schema: Schema, value: Any, where: str) -> Iterator[str]:
    for rule in rules(schema):
        held = compiled(rule["rule"]).evaluate({"self": _cel(schema, value)})
        # celpy returns some errors instead of raising them.
        if not isinstance(held, celtypes.BoolType | bool):
            raise TypeError(f"{where}: {rule['rule']}: {held!r}")
        if not held:
            yield f"{where}: {rule['message']}"
    for inner in inside(schema, value, where):
        yield from broken_rules(*inner)


def _cel(schema: Schema, value: Any) -> Any:
    if isinstance(value, list):
        return celtypes.ListType([_cel(schema.get("items", {}), item) for item in value])
    if not isinstance(value, dict):
        return celpy.json_to_cel(value)
    named = schema.get("properties", {})
    pairs = (
        (_escaped(name) if name in named else name, _cel(of_field(schema, name), of)) for name, of in value.items()
    )
    return celtypes.MapType({celtypes.StringType(name): of for name, of in pairs})


def _escaped(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    assert _PLAIN.fullmatch(name), f"{name} needs an escape that is not written here"
    return name
