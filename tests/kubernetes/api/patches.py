"""The patches that change an object: JSON patch (RFC 6902), and a server-side apply of fields that nobody contends."""

import json
from copy import deepcopy
from typing import Any

JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class PatchFailed(Exception):
    """An operation of a JSON patch does not apply."""


def json_patched(document: Any, operations: list[dict[str, Any]]) -> Any:
    """`document` after all `operations` (test, add, replace, remove); raises PatchFailed, then nothing is changed."""
    patched = deepcopy(document)
    for operation in operations:
        parent, key = _parent(patched, operation["path"])
        match operation["op"]:
            case "test":
                if not same(parent[_existing(parent, key)], operation["value"]):
                    raise PatchFailed(f"testing value {key} failed")
            case "add":
                _add(parent, key, deepcopy(operation["value"]))
            case "replace":
                parent[_existing(parent, key)] = deepcopy(operation["value"])
            case "remove":
                del parent[_existing(parent, key)]
            case other:
                raise PatchFailed(f"{other} is not one of test, add, replace, remove")
    return patched


def applied(document: Any, fields: Any) -> Any:
    """`document` with `fields` in it: objects are merged, lists replaced."""
    if not isinstance(fields, dict):
        return deepcopy(fields)
    result = deepcopy(document) if isinstance(document, dict) else {}
    return result | {key: applied(result.get(key), value) for key, value in fields.items()}


def same(one: Any, other: Any) -> bool:
    """Whether both are the same JSON; unlike `==`, which takes true for 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _parent(document: Any, pointer: str) -> tuple[Any, str]:
    """What holds the value that `pointer` (RFC 6901) names, and the key there."""
    *steps, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("/").split("/"))
    for step in steps:
        document = document[_existing(document, step)]
    return document, last


def _existing(parent: Any, key: str) -> Any:
    """`key` as `parent` takes it: text for an object, a number for a list; raises PatchFailed if it is not there."""
    if isinstance(parent, dict) and key in parent:
        return key
    if isinstance(parent, list) and key.isdecimal() and int(key) < len(parent):
        return int(key)
    raise PatchFailed(f"{key} is missing")


def _add(parent: Any, key: str, value: Any) -> None:
    if isinstance(parent, dict):
        parent[key] = value
    elif isinstance(parent, list) and key.isdecimal() and int(key) <= len(parent):
        parent.insert(int(key), value)
    else:
        raise PatchFailed(f"{key} is no place to add to")
