"""As much of the OpenAPI v3 documents as kubectl asks for: whether a PATCH of a kind takes `fieldValidation`.

`kubectl apply` validates on the server only where it does, and otherwise wants every kind's schema.
"""

from collections.abc import Iterable
from typing import Any

from tests.kubernetes.api.discovery import Resource

ROOT = "/openapi/v3"


def openapi(path: str, resources: Iterable[Resource]) -> dict[str, Any] | None:
    """The index at `/openapi/v3` or a group's document below it; None for one that does not exist."""
    by_place: dict[str, list[Resource]] = {}
    for each in resources:
        by_place.setdefault(f"{'apis' if each.group else 'api'}/{each.api_version}", []).append(each)
    if path == ROOT:
        return {"paths": {place: {"serverRelativeURL": f"{ROOT}/{place}?hash=0"} for place in by_place}}
    members = by_place.get(path.removeprefix(f"{ROOT}/"))
    return _document(members) if members else None


def _document(members: list[Resource]) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.1"},
        "paths": {f"/{each.plural}/{{name}}": {"patch": _patch(each)} for each in members},
    }


def _patch(resource: Resource) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")]
    return {"x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind, "parameters": parameters}
