"""What a request is refused with: the Status object of the Kubernetes API, worded as kube-apiserver words it.

Messages and reasons are those of k8s.io/apimachinery/pkg/api/errors; kubectl chooses its own words by reason and
details, so a test of an error message needs both right.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.kubernetes.api.discovery import Target

# code -> reason, as NewGenericServerResponse has them.
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass
class Refused(Exception):
    """The request gets `code` and a Status with `message` and `details` instead of an object."""

    code: int
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": REASONS.get(self.code, "Unknown"),
            "details": self.details,
            "code": self.code,
        }


def not_found(target: Target) -> Refused:
    """404 for an object that is not there."""
    return Refused(404, f'{target.qualified} "{target.name}" not found', details_of(target))


def no_such_path() -> Refused:
    """404 for a path that names no resource: a group that is not installed, say."""
    return Refused(404, "the server could not find the requested resource")


def patch_failed() -> Refused:
    """422 for a JSON patch that does not apply, a failed `test` above all; the server does not say which operation."""
    return Refused(422, "the server rejected our request due to an error in our request")


def modified(target: Target) -> Refused:
    """409 for a change that was made to an older resourceVersion."""
    message = "the object has been modified; please apply your changes to the latest version and try again"
    said = f'Operation cannot be fulfilled on {target.qualified} "{target.name}": {message}'
    return Refused(409, said, details_of(target))


def managed_by_another(target: Target, fields: str, manager: str) -> Refused:
    """409 for a server-side apply of `fields`, for example `.spec.replicas`, that `manager` owns."""
    cause = f'conflict with "{manager}" using {target.resource.api_version}'
    return Refused(
        409,
        f"Apply failed with 1 conflict: {cause}: {fields}",
        {"causes": [{"reason": "FieldManagerConflict", "message": cause, "field": fields}]},
    )


def on_demand(code: int, message: str, target: Target | None, method: str) -> Refused:
    """What the real server would say with `code` to `method` on `target`; `message` takes the place of its reason."""
    if target is None:
        return Refused(code, message or REASONS.get(code, "Unknown"))
    match code:
        case 403:
            return forbidden(target, method.lower() if target.name else "list", message)
        case 409 if not message:
            return modified(target)
        case 422:
            return invalid(target, "spec", message or "Invalid value")
        case 500:
            return Refused(500, f"Internal error occurred: {message or 'etcdserver: request timed out'}")
    plain = {404: not_found(target).message, 503: "the server is currently unable to handle the request"}
    return Refused(code, message or plain.get(code, REASONS.get(code, "Unknown")), details_of(target))


def forbidden(target: Target, verb: str, message: str) -> Refused:
    """403 for what no role allows, in the words of the RBAC authorizer unless `message` says why."""
    named = f'{target.qualified} "{target.name}"' if target.name else target.qualified
    reason = message or f'User "deployer" cannot {verb} {target.scope}'
    return Refused(403, f"{named} is forbidden: {reason}", details_of(target))


def invalid(target: Target, field_path: str, message: str) -> Refused:
    """422 for an object that does not pass validation; it is named by its kind, where others name the resource."""
    cause = {"reason": "FieldValueInvalid", "message": message, "field": field_path}
    details = details_of(target) | {"kind": target.resource.kind, "causes": [cause]}
    named = f'{target.resource.kind_and_group} "{target.name}"'
    return Refused(422, f"{named} is invalid: {field_path}: {message}", details)


def details_of(target: Target) -> dict[str, Any]:
    """The `details` that name `target`; a core resource has no group there."""
    named = {"name": target.name, "group": target.resource.group, "kind": target.resource.plural}
    return {key: value for key, value in named.items() if value}
