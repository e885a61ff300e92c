"""From a request to the object or the list that answers it."""

from collections.abc import Iterator
from typing import Any

from tests.kubernetes.api import patches
from tests.kubernetes.api.discovery import Target, discovery, target_of
from tests.kubernetes.api.faults import Request
from tests.kubernetes.api.objects import Manifest, Objects
from tests.kubernetes.api.openapi import openapi
from tests.kubernetes.api.refusals import Refused, details_of, no_such_path, not_found, patch_failed
from tests.kubernetes.api.selectors import selects

_INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


def answer(objects: Objects, request: Request) -> Manifest:
    """The document, object, list or Status that a request other than a watch gets; raises Refused."""
    if (document := _document(objects, request.path)) is not None:
        return document
    target = _served(objects, request)
    keep = request.query.get("dryRun") != "All"
    match request.method, bool(target.name):
        case "GET", True:
            return objects.read(target)
        case "GET", False:
            return _list(objects, request, target)
        case "PATCH", True:
            return objects.write(target, lambda present: _patched(present, request, target), keep)
        case "DELETE", True:
            return _deleted(objects.remove(target, keep), target)
    raise Refused(405, "the server does not allow this method on the requested resource")


def watch(objects: Objects, request: Request) -> Iterator[dict[str, Any]]:
    """The events of a list as they happen, until `timeoutSeconds` or the server's end; raises Refused before them."""
    return _watch(objects, request.query, _served(objects, request))


def _document(objects: Objects, path: str) -> Manifest | None:
    """What the server says of itself at `path`; None where that is a resource's."""
    match path:
        case "/version":
            return {"major": "1", "minor": "37", "gitVersion": "v1.37.1", "platform": "linux/amd64"}
        case "/api" | "/apis":
            return discovery(objects.resources, core=path == "/api")
    return openapi(path, objects.resources)


def _watch(objects: Objects, query: dict[str, str], target: Target) -> Iterator[dict[str, Any]]:
    version = int(query.get("resourceVersion") or 0)
    if version == 0 or query.get("sendInitialEvents") == "true":
        present, version = objects.list(target)
        yield from ({"type": "ADDED", "object": each} for each in present if selects(query, each))
    if query.get("sendInitialEvents") == "true":
        # Without this bookmark a client that streams its list waits for ever (KEP-3157).
        metadata = {"resourceVersion": str(version), "annotations": _INITIAL_EVENTS_END}
        kind = {"kind": target.resource.kind, "apiVersion": target.resource.api_version}
        yield {"type": "BOOKMARK", "object": kind | {"metadata": metadata}}
    for event in objects.events(target, version, float(query.get("timeoutSeconds", 3600))):
        if selects(query, event.manifest):
            yield {"type": event.type, "object": event.manifest}


def _served(objects: Objects, request: Request) -> Target:
    target = target_of(request.path)
    if target is None or target.resource not in objects.resources:
        raise no_such_path()
    return target


def _list(objects: Objects, request: Request, target: Target) -> Manifest:
    present, version = objects.list(target)
    return {
        "kind": f"{target.resource.kind}List",
        "apiVersion": target.resource.api_version,
        "metadata": {"resourceVersion": str(version)},
        "items": [each for each in present if selects(request.query, each)],
    }


def _patched(present: Manifest | None, request: Request, target: Target) -> Manifest:
    if present is None and request.content_type != patches.APPLY_PATCH:
        raise not_found(target)
    match request.content_type:
        case patches.JSON_PATCH:
            try:
                patched = patches.json_patched(present, request.body)
            except patches.PatchFailed as error:
                raise patch_failed() from error
        case patches.MERGE_PATCH | patches.APPLY_PATCH:
            patched = patches.merged(present, request.body)
        case other:
            accepted = f"{patches.JSON_PATCH}, {patches.MERGE_PATCH}, {patches.APPLY_PATCH}"
            message = f"the body of the request was in an unknown format {other} - accepted media types: {accepted}"
            raise Refused(415, message)
    # The status is a subresource: what a patch of the object says of it is ignored.
    status = {"status": present["status"]} if present and "status" in present else {}
    return {key: value for key, value in patched.items() if key != "status"} | status


def _deleted(removed: Manifest, target: Target) -> Manifest:
    details = details_of(target) | {"uid": removed["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
