"""The stub's JSON patch, by the cases of RFC 6902's appendix that concern test, add, replace and remove."""

from typing import Any

import pytest

from tests.kubernetes.api.patches import PatchFailed, applied, json_patched

pytestmark = pytest.mark.operations


def operation(op: str, path: str, *value: Any) -> dict[str, Any]:
    return {"op": op, "path": path} | ({"value": value[0]} if value else {})


@pytest.mark.parametrize(
    ("document", "one", "patched"),
    [
        ({"a": 1}, operation("add", "/b", 2), {"a": 1, "b": 2}),
        ({"a": 1}, operation("add", "/a", 2), {"a": 2}),
        ({"a": [1, 3]}, operation("add", "/a/1", 2), {"a": [1, 2, 3]}),
        ({"a": [1]}, operation("add", "/a/1", [2]), {"a": [1, [2]]}),
        ({"a": [1, 2]}, operation("remove", "/a/0"), {"a": [2]}),
        ({"a": 1, "b": 2}, operation("remove", "/b"), {"a": 1}),
        ({"a": {"b/c": 1}}, operation("replace", "/a/b~1c", 2), {"a": {"b/c": 2}}),
        ({"~1": 10}, operation("test", "/~01", 10), {"~1": 10}),
        ({"a": {"b": 1, "c": 2}}, operation("test", "/a", {"c": 2, "b": 1}), {"a": {"b": 1, "c": 2}}),
    ],
)
def test_an_operation_changes_what_its_path_names(document: Any, one: dict[str, Any], patched: Any) -> None:
    assert json_patched(document, [one]) == patched


@pytest.mark.parametrize(
    "one",
    [
        operation("test", "/a", 2),
        operation("test", "/a", True),
        operation("test", "/a", "1"),
        operation("test", "/none", 1),
        operation("add", "/none/b", 1),
        operation("add", "/list/3", 1),
        operation("replace", "/none", 1),
        operation("remove", "/none"),
        operation("remove", "/list/2"),
        operation("replace", "/a/b", 1),
    ],
)
def test_one_operation_that_does_not_apply_undoes_all(one: dict[str, Any]) -> None:
    document = {"a": 1, "list": [1]}
    with pytest.raises(PatchFailed):
        json_patched(document, [operation("replace", "/a", 1), operation("add", "/list/0", 0), one])
    assert document == {"a": 1, "list": [1]}


def test_an_apply_goes_into_objects_and_replaces_lists() -> None:
    document = {"kept": 1, "deep": {"kept": 1, "list": [1, 2]}}
    fields = {"deep": {"list": [3], "new": {"a": 1}}}
    assert applied(document, fields) == {"kept": 1, "deep": {"kept": 1, "list": [3], "new": {"a": 1}}}
