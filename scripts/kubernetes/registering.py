"""A new version in the cluster: its Deployment first, then its place in the route, without any weight."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes import change, names, route
from scripts.kubernetes.cluster import Cluster, split
from scripts.serving import traffic_file
from scripts.serving.installation import Installation

# The Deployment's own progressDeadlineSeconds is 300: it says first what is wrong.
_ROLLED_OUT_WITHIN_S = 330.0
# Between two looks at why pods are not ready; a container that was started again so often will not come up by itself.
_LOOK_EVERY_S = 10.0
_HOPELESS_RESTARTS = 2


def register(cluster: Cluster, wanted: Installation, version: str) -> bool:
    """Make a version's Deployment and what belongs to it, wait for its pods, and open its own path; weight 0.

    Returns:
        Whether it is new; one that is there already, from the same archive, is left as it is.

    Raises:
        UserError: its archive is missing here or is another than the one that runs; its pods don't come up, with the
            reason that they give; or the cluster refuses. What was made is taken out again then.
    """
    digest = wanted.digest(version)
    found, pods = cluster.route(), cluster.pods()
    before, weights = split(found, pods), wanted.traffic.split
    if version in pods and version in before:
        _require_same(cluster, version, digest)
        return False
    if weights.get(version):
        raise UserError(
            f"{wanted.places.traffic} gives version {version} {weights[version]} % before it is there; "
            "give that to the others until it is registered."
        )
    names.require_distinct([*wanted.traffic.versions, version])
    change.require_same_versions(cluster, before, [name for name in weights if name != version])
    text = traffic_file.rewrite(wanted.places.traffic, split={**weights, version: 0})
    with change.files(wanted, text) as new:
        made = cluster.manifests(version)
        try:
            cluster.kubectl.apply(made)
            _wait_rolled_out(cluster, version)
            change.put(cluster, found, _place(found, new, version, before))
        except BaseException:
            cluster.kubectl.delete(made)
            raise
    return True


def _place(
    found: Mapping[str, Any], new: Installation, version: str, before: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return the operations that give a version its pin, where the rendered route has it, and a weight of 0."""
    place = route.index(found["spec"]["rules"], names.SPLIT)
    pin = route.pin(version, new.traffic, new.spec.name)
    # The pin last: the other operations count the rules as they were found.
    return [
        *change.backends(found, {**before, version: 0}),
        {"op": "add", "path": f"/spec/rules/{place}", "value": pin},
    ]


def _require_same(cluster: Cluster, version: str, digest: str) -> None:
    settings = next(
        one for one in cluster.kubectl.select("configmap", f"{names.VERSION_LABEL}={version}") if "MODEL" in one["data"]
    )
    running = settings["data"]["ARCHIVE_SHA256"]
    if running != digest:
        raise UserError(
            f"version {version} runs in {cluster.where()} from an archive with SHA-256 {running}, but the one here has "
            f"{digest}; build that under a new version."
        )


def _wait_rolled_out(cluster: Cluster, version: str) -> None:
    deadline = time.monotonic() + _ROLLED_OUT_WITHIN_S
    while True:
        try:
            cluster.kubectl.wait_rolled_out(names.of(version), _LOOK_EVERY_S)
            return
        except UserError as error:
            selector = f"app.kubernetes.io/component=classifier,{names.VERSION_LABEL}={version}"
            pods = cluster.kubectl.select("pod", selector)
            reasons = dict.fromkeys(reason for pod in pods for reason in _reasons(pod))
            hopeless = any(_restarts(pod) >= _HOPELESS_RESTARTS for pod in pods)
            if hopeless or "timed out" not in str(error) or time.monotonic() > deadline:
                raise UserError(f"version {version} does not come up: {'; '.join(reasons) or error}") from error


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
