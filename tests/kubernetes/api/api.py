"""What a test says to the API server: which objects there are, how the cluster behaves, what goes wrong."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.kubernetes.api.discovery import Target, resource_of, target_of
from tests.kubernetes.api.faults import ConnectionLost, Fault, Faults, Request
from tests.kubernetes.api.objects import Manifest, Objects
from tests.kubernetes.api.patches import APPLY_PATCH
from tests.kubernetes.api.refusals import Refused, managed_by_another

NAMESPACE = "default"


@dataclass
class Api:
    """A running API server; `environment` makes kubectl speak to it and to nothing else."""

    kubeconfig: Path
    environment: dict[str, str]
    requests: list[Request] = field(default_factory=list)
    objects: Objects = field(default_factory=Objects)
    faults: Faults = field(default_factory=Faults)

    @property
    def changes(self) -> list[Request]:
        """The requests so far that were to change something."""
        return [request for request in self.requests if request.method != "GET"]

    # Objects

    def put(self, manifest: Manifest) -> Manifest:
        """Create or replace an object; returns it as the controllers leave it.

        The status that it has stays where `manifest` brings none.
        """
        manifest = deepcopy(manifest)
        metadata = manifest["metadata"]
        target = _target(manifest["kind"], metadata["name"], metadata.get("namespace", NAMESPACE))
        self.objects.write(target, lambda present: _status(present) | manifest)
        return self.objects.read(target)

    def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> Manifest:
        """A copy of the object; raises Refused (404)."""
        return self.objects.read(_target(kind, name, namespace))

    def edit(self, kind: str, name: str, change: Callable[[Manifest], object], namespace: str = NAMESPACE) -> None:
        """Let `change` alter the object in place, as somebody else's request would; raises Refused (404)."""
        manifest = self.get(kind, name, namespace)
        change(manifest)
        self.put(manifest)

    def set_status(self, kind: str, name: str, status: Manifest, namespace: str = NAMESPACE) -> None:
        """Write the object's status as a controller does; it stays until the object's next change."""
        self.objects.write_status(_target(kind, name, namespace), status)

    def delete(self, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        """Remove the object; raises Refused (404)."""
        self.objects.remove(_target(kind, name, namespace))

    # The cluster

    def hold_deployments(self) -> None:
        """What is rolled out from now on does not come up."""
        self.objects.controllers.rollout = "held"

    def release_deployments(self) -> None:
        """What was held comes up, and what follows does so at once."""
        self.objects.controllers.rollout = "available"
        self.objects.reconcile_all("Deployment")

    def fail_deployments(self) -> None:
        """What is rolled out from now on exceeds its progress deadline."""
        self.objects.controllers.rollout = "failed"

    def accept_routes(self) -> None:
        """The gateway accepts every route, those that it has rejected or ignored as well; so it does from the start."""
        self.objects.controllers.verdict = "accepted"
        self.objects.reconcile_all("HTTPRoute")

    def reject_routes(self, reason: str, condition: Literal["Accepted", "ResolvedRefs"] = "Accepted") -> None:
        """The gateway gives routes written from now on `condition` False with `reason`, for example BackendNotFound."""
        self.objects.controllers.verdict = "rejected"
        self.objects.controllers.rejected_condition = condition
        self.objects.controllers.rejected_reason = reason

    def ignore_routes(self) -> None:
        """No gateway looks at routes written from now on: their status is absent or of an older generation."""
        self.objects.controllers.verdict = "ignored"

    # Faults: for the next requests with `method` and the regular expression `path` in their path. A request meets one
    # of them at most, in the order in which they were asked for.

    def fail(self, method: str, path: str, code: int, message: str, times: int = 1) -> None:
        """Answer with `code` and `message`, so many times."""

        def refuse(request: Request) -> None:
            raise Refused(code, message)

        self.faults.add(Fault(method, path, refuse, times))

    def conflict(self, path: str, field_path: str, manager: str) -> None:
        """Refuse a server-side apply without force: `field_path`, for example .spec.replicas, is `manager`'s."""

        def refuse(request: Request) -> None:
            if request.content_type == APPLY_PATCH and request.query.get("force") != "true":
                raise managed_by_another(target_of(request.path), field_path, manager)

        self.faults.add(Fault("PATCH", path, refuse))

    def before(self, method: str, path: str, change: Callable[[], object]) -> None:
        """Call `change` when the request has come and before it takes effect: a race that the caller loses."""
        self.faults.add(Fault(method, path, lambda request: change()))

    def close(self, method: str, path: str) -> None:
        """Close the connection in place of an answer; nothing takes effect."""
        self.faults.add(Fault(method, path, _lose))

    def lose_answer(self, method: str, path: str) -> None:
        """Let the request take effect and close the connection in place of the answer."""
        self.faults.add(Fault(method, path, _lose, moment="after"))


def _target(kind: str, name: str, namespace: str) -> Target:
    resource = resource_of(kind)
    return Target(resource, namespace if resource.namespaced else "", name)


def _status(present: Manifest | None) -> Manifest:
    return {"status": present["status"]} if present and "status" in present else {}


def _lose(request: Request) -> None:
    raise ConnectionLost
