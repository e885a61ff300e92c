"""What a request is refused with: the Status object of the Kubernetes API, worded as kube-apiserver words it.

Messages and reasons are those of k8s.io/apimachinery/pkg/api/errors; kubectl chooses its own words by reason and
details, so a test of an error message needs both right.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.kubernetes.api.discovery import Target

# code -> reason, as NewGenericServerResponse has them.
REASONS = {
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    415: "UnsupportedMediaType",
    422: "Invalid",
    500: "InternalError",
    503: "ServiceUnavailable",
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
            "reason": REASONS[self.code],
            "details": self.details,
            "code": self.code,
        }


def not_found(target: Target) -> Refused:
    """404 for an object that is not there."""
    return Refused(404, f'{target.qualified} "{target.name}" not found', details_of(target))


def no_such_path() -> Refused:
    """404 for a path that names nothing here."""
    return Refused(404, "the server could not find the requested resource")


def patch_failed() -> Refused:
    """422 for a JSON patch that does not apply, a failed `test` above all; the server does not say which operation."""
    return Refused(422, "the server rejected our request due to an error in our request")


def managed_by_another(target: Target, fields: str, manager: str) -> Refused:
    """409 for a server-side apply of `fields`, for example `.spec.replicas`, that `manager` owns."""
    cause = f'conflict with "{manager}" using {target.resource.api_version}'
    return Refused(
        409,
        f"Apply failed with 1 conflict: {cause}: {fields}",
        {"causes": [{"reason": "FieldManagerConflict", "message": cause, "field": fields}]},
    )


def details_of(target: Target) -> dict[str, Any]:
    """The `details` that name `target`; a core resource has no group there."""
    named = {"name": target.name, "group": target.resource.group, "kind": target.resource.plural}
    return {key: value for key, value in named.items() if value}
