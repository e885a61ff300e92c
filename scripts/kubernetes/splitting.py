"""A change of the weights: in traffic.yaml, in the manifests and in the cluster, or nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.errors import UserError
from scripts.kubernetes import files, names, patch, routing
from scripts.kubernetes.cluster import Cluster, Pods
from scripts.serving import traffic, traffic_file
from scripts.serving.installation import Installation


@dataclass(frozen=True)
class Splits:
    """Percent by version, before a change and after it."""

    before: Mapping[str, int]
    after: Mapping[str, int]


def set_split(cluster: Cluster, wanted: Installation, weights: Mapping[str, int]) -> Splits:
    """Give the versions of the route these weights; one that is not named gets 0.

    Raises:
        UserError: a version is not in the route or has no pod that is ready, or the cluster refuses; nothing has
            changed.
    """
    path = wanted.places.traffic
    text = traffic_file.rewrite(path, split=weights)
    new = traffic.parse(text, path).split
    found, pods = cluster.route(), cluster.pods()
    here = patch.weights(found)
    _require_ready(cluster, new, pods, here)
    services = {names.of(version): weight for version, weight in new.items()}
    after = {service: services.get(service, 0) for service in here}
    versions = {names.of(version): version for version in [*new, *pods]}
    splits = Splits(*({versions.get(name, name): weight for name, weight in one.items()} for one in (here, after)))
    with files.changed(wanted, text, {}):
        if after != here:
            routing.put(cluster, found, patch.reweighted(found, after, words(splits.before)))
    return splits


def words(weights: Mapping[str, int]) -> str:
    """Return weights as `make split` takes them; what is not named has 0."""
    return " ".join(f"{version}={weight}" for version, weight in weights.items() if weight)


def _require_ready(
    cluster: Cluster, weights: Mapping[str, int], pods: Mapping[str, Pods], here: Mapping[str, int]
) -> None:
    for version in (version for version, weight in weights.items() if weight):
        if version not in pods or names.of(version) not in here:
            raise UserError(
                f"version {version} is not registered in {cluster.where()}; "
                f"`make register {cluster.words} VERSION={version}` first."
            )
        if not pods[version].ready:
            raise UserError(
                f"version {version} has no pod that is ready in {cluster.where()} (of {pods[version].wanted}); "
                f"`kubectl -n {cluster.kubectl.namespace} describe deployment {pods[version].name}` says why."
            )
