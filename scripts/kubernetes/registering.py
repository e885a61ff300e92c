"""A new version in the cluster: its Deployment first, then its place in the route, without any weight."""

from collections.abc import Sequence

from scripts.errors import UserError
from scripts.kubernetes import files, names, patch, route, routing
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.kubectl import Manifest
from scripts.kubernetes.rollout import wait_rolled_out
from scripts.serving import traffic_file
from scripts.serving.installation import Installation
from scripts.signals import uninterrupted


def register(cluster: Cluster, wanted: Installation, version: str) -> bool:
    """Make a version's Deployment and what belongs to it, wait for its pods, and open its own path; weight 0.

    Returns:
        Whether it is new; one that is there already, from the same archive, is left as it is.

    Raises:
        UserError: its archive is missing here or is another than the one that runs; traffic.yaml gives it weight
            already; its pods don't come up, with the reason that they give; or the cluster refuses. What was made is
            taken out again then.
    """
    digest = wanted.digest(version)
    found, split = cluster.route(), wanted.traffic.split
    if version in cluster.pods():
        _require_same(cluster, version, digest)
        if names.of(version) in patch.weights(found):
            return False
    if split.get(version):
        raise UserError(
            f"{wanted.places.traffic} gives version {version} {split[version]} % before it is there; "
            "give that to the others until it is registered."
        )
    names.require_distinct([*split, version])
    text = traffic_file.rewrite(wanted.places.traffic, split={**split, version: 0})
    with files.changed(wanted, text, {version: digest}) as new:
        built = cluster.manifests(version)
        made = cluster.kubectl.absent(built)
        try:
            cluster.kubectl.apply(built)
            wait_rolled_out(cluster, version)
            pin = route.pin(version, new.traffic, new.spec.name)
            routing.put(cluster, found, patch.with_version(found, names.of(version), pin))
        except BaseException as error:
            with uninterrupted():
                _take_out(cluster, made, error)
            raise
    return True


def _require_same(cluster: Cluster, version: str, digest: str) -> None:
    running = cluster.settings(version).get("ARCHIVE_SHA256")
    if running != digest:
        raise UserError(
            f"version {version} runs in {cluster.where()} from an archive with SHA-256 {running}, but the one here has "
            f"{digest}; build that under a new version."
        )


def _take_out(cluster: Cluster, made: Sequence[Manifest], error: BaseException) -> None:
    try:
        if made:
            cluster.kubectl.delete(made)
    except UserError as other:
        left = ", ".join(f"{one['kind']} {one['metadata']['name']}" for one in made)
        said = str(error) or "interrupted."
        raise UserError(f"{said} And what was made is still there: {left} ({other}).") from error
