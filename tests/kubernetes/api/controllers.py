"""What a cluster's controllers write into `status`, as the test wants them to behave."""

from dataclasses import dataclass
from typing import Any, Literal

# How a Deployment's Progressing condition stands, by what becomes of its roll-out: status and reason.
_PROGRESSING = {
    "available": (True, "NewReplicaSetAvailable"),
    "held": (True, "ReplicaSetUpdated"),
    "failed": (False, "ProgressDeadlineExceeded"),
}


@dataclass
class Controllers:
    """How Deployments roll out and how a gateway takes routes, from now on."""

    rollout: Literal["available", "held", "failed"] = "available"
    verdict: Literal["accepted", "rejected", "ignored"] = "accepted"
    rejected_condition: str = "Accepted"
    rejected_reason: str = ""

    def status_of(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """The `status` that the object's controller writes; None where it leaves the object alone."""
        if manifest["kind"] == "Deployment" and not _is_rolled_out(manifest):
            return self._deployment(manifest)
        if manifest["kind"] == "HTTPRoute" and self.verdict != "ignored":
            return {"parents": [self._parent(manifest, parent) for parent in manifest["spec"].get("parentRefs", [])]}
        return None

    def _deployment(self, manifest: dict[str, Any]) -> dict[str, Any]:
        wanted = manifest["spec"]["replicas"]
        available = wanted if self.rollout == "available" else 0
        return {
            "observedGeneration": manifest["metadata"]["generation"],
            "replicas": wanted,
            "updatedReplicas": wanted,
            "readyReplicas": available,
            "availableReplicas": available,
            "conditions": [_condition("Progressing", *_PROGRESSING[self.rollout])],
        }

    def _parent(self, manifest: dict[str, Any], parent: dict[str, Any]) -> dict[str, Any]:
        generation = manifest["metadata"]["generation"]
        conditions = []
        for kind in ("Accepted", "ResolvedRefs"):
            rejected = self.verdict == "rejected" and kind == self.rejected_condition
            reason = self.rejected_reason if rejected else kind
            conditions.append(_condition(kind, not rejected, reason) | {"observedGeneration": generation})
        return {"parentRef": parent, "controllerName": "example.com/gateway", "conditions": conditions}


def _is_rolled_out(manifest: dict[str, Any]) -> bool:
    status, wanted = manifest.get("status", {}), manifest["spec"]["replicas"]
    return bool(
        status.get("observedGeneration") == manifest["metadata"]["generation"]
        and status.get("availableReplicas") == status.get("replicas") == wanted
    )


def _condition(kind: str, yes: bool, reason: str) -> dict[str, Any]:
    return {"type": kind, "status": str(yes), "reason": reason, "message": ""}
