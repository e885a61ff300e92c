"""Changes the operator's files and the cluster together: both, or neither."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.kubernetes import manifests, names, render, route
from scripts.kubernetes.acceptance import wait_accepted
from scripts.kubernetes.cluster import Cluster, Pods, split
from scripts.locks import hold
from scripts.serving import traffic, traffic_file
from scripts.serving.installation import Installation

PREVIOUS = f"{names.APP}/previous-split"


@contextmanager
def one_at_a_time(wanted: Installation) -> Iterator[None]:
    """Let one command of this checkout change the cluster.

    Raises:
        UserError: another one does just now.
    """
    with hold(wanted.places.run / "kubernetes.lock", "another command changes the cluster just now; let it end first."):
        yield


@contextmanager
def files(wanted: Installation, text: str) -> Iterator[Installation]:
    """Make `text` the content of traffic.yaml, and bring the manifests to it; both are put back if the block fails.

    Raises:
        UserError: `text` has a mistake, or the archive of a new version is missing.
    """
    path = wanted.places.traffic
    before, folder = path.read_text(encoding="utf-8"), wanted.places.manifests
    new = replace(wanted, traffic=traffic.parse(text, path))
    # What is rendered already needs no archive on this machine.
    known = render.rendered_digests(folder)
    digests = {version: known.get(version) or wanted.digest(version) for version in new.traffic.versions}
    changed = render.changes(folder, manifests.render(new, digests))
    try:
        replace_file(path, text)
        render.write(folder, changed)
        yield new
    except BaseException:
        render.undo(folder, changed)
        replace_file(path, before)
        raise


def set_split(cluster: Cluster, wanted: Installation, weights: Mapping[str, int]) -> dict[str, int]:
    """Give the versions these weights, in traffic.yaml, in the manifests and in the cluster; return those of before.

    Args:
        cluster: where.
        wanted: the operator's files.
        weights: percent by version; one that is not named gets 0.

    Raises:
        UserError: a version is not there or has no pod that is ready, or the cluster refuses; nothing has changed.
    """
    path: Path = wanted.places.traffic
    text = traffic_file.rewrite(path, split=weights)
    new = traffic.parse(text, path).split
    found, pods = cluster.route(), cluster.pods()
    before = split(found, pods)
    require_ready(cluster, new, pods)
    require_same_versions(cluster, before, new)
    with files(wanted, text):
        put(cluster, found, [*backends(found, new), remembered(found, before)])
    return before


def require_same_versions(cluster: Cluster, before: Iterable[str], wanted: Iterable[str]) -> None:
    """Return when the route has the versions of traffic.yaml.

    Raises:
        UserError: it has not.
    """
    if set(before) != set(wanted):
        raise UserError(
            f"the route in {cluster.where()} has the versions {', '.join(before)}, but traffic.yaml "
            f"{', '.join(wanted)}; `make register TARGET=kubernetes VERSION=…` adds one, and `make kubernetes && "
            f"{cluster.apply}` brings the cluster to the files."
        )


def require_ready(cluster: Cluster, weights: Mapping[str, int], pods: Mapping[str, Pods]) -> None:
    """Return when every version that gets traffic has a pod that is ready.

    Raises:
        UserError: one has none.
    """
    for version, weight in weights.items():
        if version not in pods:
            raise UserError(
                f"version {version} has no Deployment in {cluster.where()}; "
                f"`make register TARGET=kubernetes VERSION={version}` first."
            )
        if weight and not pods[version].ready:
            raise UserError(
                f"version {version} has no pod that is ready in {cluster.where()} (of {pods[version].wanted}); "
                f"`kubectl describe deployment {pods[version].name}` says why."
            )


def backends(found: Mapping[str, Any], weights: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the operations that give the split's rule these weights, if it is still as it was found."""
    rules = found["spec"]["rules"]
    rule = f"/spec/rules/{route.index(rules, names.SPLIT)}"
    return [
        {"op": "test", "path": f"{rule}/name", "value": names.SPLIT},
        {"op": "test", "path": f"{rule}/backendRefs", "value": split_rule(found)["backendRefs"]},
        {"op": "replace", "path": f"{rule}/backendRefs", "value": route.backends(weights)},
    ]


def split_rule(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the rule that splits."""
    rules: list[Mapping[str, Any]] = found["spec"]["rules"]
    return rules[route.index(rules, names.SPLIT)]


def remembered(found: Mapping[str, Any], before: Mapping[str, int]) -> dict[str, Any]:
    """Return the operation that writes down on the route which weights it had, for `make rollback`."""
    words = " ".join(f"{version}={weight}" for version, weight in before.items())
    if "annotations" not in found["metadata"]:
        return {"op": "add", "path": "/metadata/annotations", "value": {PREVIOUS: words}}
    # RFC 6901: a `/` in a key is written `~1`.
    return {"op": "add", "path": f"/metadata/annotations/{PREVIOUS.replace('/', '~1')}", "value": words}


def put(cluster: Cluster, found: Mapping[str, Any], operations: list[dict[str, Any]]) -> None:
    """Patch the route and wait until the Gateway has taken it; put its rules back if it does not.

    Raises:
        UserError: somebody has changed what the patch goes by, or the API server or the Gateway refuses it; the route
            is as it was found, or the sentence says that this is not known.
    """
    patched = _patched(cluster, found, operations)
    try:
        wait_accepted(cluster, patched["metadata"]["generation"])
    except BaseException as error:
        # Only what this command wrote is taken back.
        taken_back = [
            {"op": "test", "path": "/spec/rules", "value": patched["spec"]["rules"]},
            {"op": "replace", "path": "/spec/rules", "value": found["spec"]["rules"]},
        ]
        try:
            cluster.patch_route(taken_back)
        except UserError as other:
            raise UserError(
                f"{error} The route could not be put back ({other}); `make status TARGET=kubernetes` shows what it is."
            ) from error
        raise


def _patched(cluster: Cluster, found: Mapping[str, Any], operations: list[dict[str, Any]]) -> Mapping[str, Any]:
    try:
        return cluster.patch_route(operations)
    except UserError as error:
        # A lost answer is no refusal: what the route is now decides.
        now = cluster.route()
        backends = next(operation["value"] for operation in operations if operation["op"] == "replace")
        if _weights(split_rule(now)["backendRefs"]) == _weights(backends) != _weights(split_rule(found)["backendRefs"]):
            return now
        raise UserError(
            f"the route in {cluster.where()} does not take the change: {error}; if somebody else changes it just now, "
            "try again."
        ) from error


def _weights(backends: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return {backend["name"]: backend["weight"] for backend in backends}
