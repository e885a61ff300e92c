"""The patches that change an object: JSON patch (RFC 6902) and JSON merge patch (RFC 7386)."""

import json
from copy import deepcopy
from typing import Any

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
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
                _test(parent, key, operation.get("value"))
            case "add":
                _add(parent, key, deepcopy(operation["value"]))
            case "replace":
                parent[_existing(parent, key)] = deepcopy(operation["value"])
            case "remove":
                del parent[_existing(parent, key)]
            case other:
                raise PatchFailed(f"{other} is not one of test, add, replace, remove")
    return patched


def merged(document: Any, patch: Any) -> Any:
    """`document` with the fields of `patch` in it: objects are merged, lists replaced, null removes."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = deepcopy(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def same(one: Any, other: Any) -> bool:
    """Whether both are the same JSON; unlike `==`, which takes true for 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _parent(document: Any, pointer: str) -> tuple[Any, str]:
    """What holds the value that `pointer` (RFC 6901) names, and the key there."""
    if not pointer.startswith("/"):
        raise PatchFailed(f"{pointer!r} names the whole document or is no JSON pointer")
    *steps, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))
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


def _test(parent: Any, key: str, value: Any) -> None:
    if isinstance(parent, dict) and key not in parent and value is None:
        return  # As the library of kube-apiserver (evanphx/json-patch) has it: what is absent equals null.
    if not same(parent[_existing(parent, key)], value):
        raise PatchFailed(f"testing value {key} failed")


def _add(parent: Any, key: str, value: Any) -> None:
    if isinstance(parent, dict):
        parent[key] = value
    elif isinstance(parent, list) and key == "-":
        parent.append(value)
    elif isinstance(parent, list) and key.isdecimal() and int(key) <= len(parent):
        parent.insert(int(key), value)
    else:
        raise PatchFailed(f"{key} is no place to add to")
