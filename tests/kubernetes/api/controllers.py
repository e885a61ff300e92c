"""What a cluster's controllers write into `status`, as the test wants them to behave."""

from dataclasses import dataclass
from typing import Any, Literal

Rollout = Literal["available", "held", "failed"]
Verdict = Literal["accepted", "rejected", "ignored"]
# Times do not matter to any caller; one that never changes keeps a reconciled object as it is.
_TIME = "2026-01-01T00:00:00Z"


@dataclass
class Controllers:
    """How Deployments roll out and how a gateway takes routes, from now on."""

    rollout: Rollout = "available"
    rollout_message: str = ""
    verdict: Verdict = "accepted"
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
        # While new pods do not come up, those of the generation before go on serving (maxUnavailable: 0).
        old = manifest.get("status", {}).get("availableReplicas", 0)
        done = self.rollout == "available"
        available = wanted if done else old
        return {
            "observedGeneration": manifest["metadata"]["generation"],
            "replicas": wanted if done else old + wanted,
            "updatedReplicas": wanted,
            "readyReplicas": available,
            "availableReplicas": available,
            "unavailableReplicas": 0 if done else wanted,
            "conditions": [self._available(available > 0 or wanted == 0), self._progressing(manifest)],
        }

    def _available(self, yes: bool) -> dict[str, Any]:
        reason = "MinimumReplicasAvailable" if yes else "MinimumReplicasUnavailable"
        return _condition("Available", yes, reason, "")

    def _progressing(self, manifest: dict[str, Any]) -> dict[str, Any]:
        name = manifest["metadata"]["name"]
        match self.rollout:
            case "available":
                message = f'ReplicaSet "{name}" has successfully progressed.'
                return _condition("Progressing", True, "NewReplicaSetAvailable", message)
            case "held":
                return _condition("Progressing", True, "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
            case "failed":
                message = self.rollout_message or f'ReplicaSet "{name}" has timed out progressing.'
                return _condition("Progressing", False, "ProgressDeadlineExceeded", message)

    def _parent(self, manifest: dict[str, Any], parent: dict[str, Any]) -> dict[str, Any]:
        generation = manifest["metadata"]["generation"]
        conditions = []
        for kind in ("Accepted", "ResolvedRefs"):
            rejected = self.verdict == "rejected" and kind == self.rejected_condition
            reason = self.rejected_reason if rejected else kind
            conditions.append(_condition(kind, not rejected, reason, "", observedGeneration=generation))
        return {"parentRef": parent, "controllerName": "example.com/gateway", "conditions": conditions}


def _is_rolled_out(manifest: dict[str, Any]) -> bool:
    status, wanted = manifest.get("status", {}), manifest["spec"]["replicas"]
    return bool(
        status.get("observedGeneration") == manifest["metadata"]["generation"]
        and status.get("availableReplicas") == status.get("replicas") == wanted
    )


def _condition(kind: str, yes: bool, reason: str, message: str, **more: Any) -> dict[str, Any]:
    fields = {"type": kind, "status": str(yes), "reason": reason, "message": message, "lastTransitionTime": _TIME}
    return fields | more
