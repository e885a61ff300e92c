"""As much of the OpenAPI documents as `kubectl apply` asks for.

In v3 it looks up whether a PATCH of the kind takes `fieldValidation`: then the server validates. For a kind that is not
there it takes the schemas of v2, of which there are none, and goes on to say that the kind is unknown.
"""

from collections.abc import Iterable
from typing import Any

from tests.kubernetes.api.discovery import Resource

_ROOT = "/openapi/v3"


def openapi(path: str, resources: Iterable[Resource]) -> dict[str, Any] | None:
    """The index at `/openapi/v3`, a group's document below it, or v2's, which is empty; None for any other path."""
    by_place: dict[str, list[Resource]] = {}
    for each in resources:
        by_place.setdefault(f"{'apis' if each.group else 'api'}/{each.api_version}", []).append(each)
    if path == _ROOT:
        return {"paths": {place: {"serverRelativeURL": f"{_ROOT}/{place}?hash=0"} for place in by_place}}
    if path == "/openapi/v2":
        return {}
    members = by_place.get(path.removeprefix(f"{_ROOT}/")) if path.startswith(_ROOT) else None
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
