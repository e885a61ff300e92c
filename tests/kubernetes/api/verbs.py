"""From a request to the object or the list that answers it."""

from tests.kubernetes.api import patches
from tests.kubernetes.api.discovery import Target, document, target_of
from tests.kubernetes.api.faults import Request
from tests.kubernetes.api.objects import Manifest, Objects
from tests.kubernetes.api.refusals import Refused, details_of, no_such_path, not_found, patch_failed


def answer(objects: Objects, request: Request) -> Manifest:
    """The document, object, list or Status that a request gets; raises Refused."""
    if (found := document(request.path)) is not None:
        return found
    try:
        target = target_of(request.path)
    except KeyError as error:
        raise no_such_path() from error
    match request.method, bool(target.name):
        case "GET", True:
            return objects.read(target)
        case "GET", False:
            return _list(objects, request, target)
        case "PATCH", True:
            return objects.write(target, lambda present: _patched(present, request, target))
        case "DELETE", True:
            return _deleted(objects.remove(target), target)
    raise Refused(405, "the server does not allow this method on the requested resource")


def _list(objects: Objects, request: Request, target: Target) -> Manifest:
    selector = request.query.get("labelSelector", "")
    return {
        "kind": f"{target.resource.kind}List",
        "apiVersion": target.resource.api_version,
        "metadata": {},
        "items": [each for each in objects.list(target) if _selects(selector, each["metadata"].get("labels", {}))],
    }


def _selects(selector: str, labels: Manifest) -> bool:
    """Whether the labels are those of `key=value,…`."""
    wanted = dict(term.split("=", 1) for term in selector.split(",") if term)
    return wanted.items() <= labels.items()


def _patched(present: Manifest | None, request: Request, target: Target) -> Manifest:
    match request.content_type:
        case patches.JSON_PATCH if present is None:
            raise not_found(target)
        case patches.JSON_PATCH:
            try:
                patched = patches.json_patched(present, request.body)
            except patches.PatchFailed as error:
                raise patch_failed() from error
        case patches.APPLY_PATCH:
            patched = patches.applied(present, request.body)
        case other:
            raise Refused(415, f"the body of the request was in an unknown format {other}")
    # The status is a subresource: what a patch of the object says of it is ignored.
    status = {"status": present["status"]} if present and "status" in present else {}
    return {key: value for key, value in patched.items() if key != "status"} | status


def _deleted(removed: Manifest, target: Target) -> Manifest:
    details = details_of(target) | {"uid": removed["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
