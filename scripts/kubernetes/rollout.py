"""Whether a version's pods come up, and if not, why."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes.cluster import Cluster

# The Deployment's own progressDeadlineSeconds is 300: it says first that nothing comes of it.
WITHIN_S = 330.0
_LOOK_EVERY_S = 1.0
# A container that was started again so often will not come up by itself.
_HOPELESS_RESTARTS = 2


def wait_rolled_out(cluster: Cluster, version: str, timeout_s: float = WITHIN_S) -> None:
    """Return when all pods of a version are ready, and none of an earlier roll-out is left.

    Raises:
        UserError: they don't come up, with the reason that they give, or not in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            deployment, pods = cluster.deployment(version), cluster.pods_of(version)
        except UserError as error:
            # An API server that is busy for a moment has not taken the pods away.
            if time.monotonic() > deadline:
                raise UserError(f"version {version}: {error}") from error
            time.sleep(_LOOK_EVERY_S)
            continue
        if _is_rolled_out(deployment):
            return
        given_up = _given_up(deployment)
        hopeless = any(_restarts(pod) >= _HOPELESS_RESTARTS for pod in pods)
        if given_up or hopeless or time.monotonic() > deadline:
            reasons = list(dict.fromkeys(reason for pod in pods for reason in _reasons(pod)))
            why = "; ".join(reasons) or given_up or f"not ready within {timeout_s:.0f} s"
            raise UserError(f"version {version} does not come up in {cluster.where()}: {why}.")
        time.sleep(_LOOK_EVERY_S)


def _is_rolled_out(deployment: Mapping[str, Any]) -> bool:
    """Return what `kubectl rollout status` goes by."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    counts = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and counts == [wanted] * 3


def _given_up(deployment: Mapping[str, Any]) -> str:
    """Return the controller's words where it has given up; empty where it has not."""
    for condition in deployment.get("status", {}).get("conditions", []):
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return str(condition.get("message") or condition["reason"]).rstrip(".")
    return ""


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _restarts(pod: Mapping[str, Any]) -> int:
    return max((container.get("restartCount", 0) for container in _containers(pod)), default=0)


def _reasons(pod: Mapping[str, Any]) -> Iterator[str]:
    """Give what keeps a pod from being ready, in its containers' own last words where they left any."""
    for container in _containers(pod):
        for state in (container.get("state", {}), container.get("lastState", {})):
            ended, waiting = state.get("terminated", {}), state.get("waiting", {})
            if ended.get("exitCode") and ended.get("message"):
                yield f"{container['name']}: {ended['message'].strip()}"
            # It waits for the ones before it.
            elif waiting.get("message") and waiting.get("reason") != "PodInitializing":
                yield f"{container['name']}: {waiting['reason']}: {waiting['message']}"
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"not scheduled: {condition.get('message')}"
