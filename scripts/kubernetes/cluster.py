"""What an overlay's service is in its cluster: versions, their pods, and the weights that the route has."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes import names, route
from scripts.kubernetes.kubectl import Kubectl, Manifest
from scripts.serving.places import shown

_ROUTE = "httproute.gateway.networking.k8s.io"
_DEPLOYMENT = "deployment.apps"
_SELECTOR = "app.kubernetes.io/component=classifier"


@dataclass(frozen=True)
class Pods:
    """A version's Deployment.

    Attributes:
        name: of the Deployment and the Service.
        ready: pods whose /healthz is 200.
        wanted: pods that the autoscaler wants.
    """

    name: str
    ready: int
    wanted: int


@dataclass(frozen=True)
class Cluster:
    """One overlay, where its kubeconfig's context leads.

    Attributes:
        overlay: its folder.
        kubectl: for the overlay's namespace.
    """

    overlay: Path
    kubectl: Kubectl

    @classmethod
    def of(cls, manifests: Path, overlay: str, context: str) -> "Cluster":
        """Return the cluster of an overlay, by its name, of those in the folder `manifests`.

        Raises:
            UserError: there is no such overlay, it does not build, or the kubeconfig names no cluster.
        """
        folder = manifests / "overlays" / overlay
        if not (folder / "kustomization.yaml").is_file():
            known = ", ".join(sorted(path.name for path in folder.parent.iterdir()))
            raise UserError(f"OVERLAY={overlay}: no such overlay in {folder.parent}; there are {known}.")
        kubectl = Kubectl.find()
        found = next(one for one in kubectl.kustomize(folder) if one["kind"] == route.KIND)
        return cls(folder, kubectl.attached(context, found["metadata"]["namespace"]))

    def manifests(self, version: str | None = None) -> list[Manifest]:
        """Return the overlay's objects, or of these one version's."""
        built = self.kubectl.kustomize(self.overlay)
        return [one for one in built if version is None or _version(one) == version]

    @property
    def apply(self) -> str:
        """The command that brings the cluster to the overlay."""
        # The verbs' own patches of the weights are another manager's; the files say the same.
        return f"kubectl apply --server-side --force-conflicts -k {shown(self.overlay)}"

    def where(self) -> str:
        """Return what to call it."""
        return f"{self.overlay.name} ({self.kubectl.context})"

    def route(self) -> dict[str, Any]:
        """Return the route as it is.

        Raises:
            UserError: there is none.
        """
        found = self.kubectl.get(_ROUTE, names.CLASSIFIER)
        if found is None:
            raise UserError(f"there is no HTTPRoute {names.CLASSIFIER} in {self.where()}; `{self.apply}` first.")
        return found

    def pods(self) -> dict[str, Pods]:
        """Return the Deployments, by version."""
        found = {}
        for deployment in self.kubectl.select(_DEPLOYMENT, _SELECTOR):
            status = deployment.get("status", {})
            version = _version(deployment)
            if version is not None:
                found[version] = Pods(
                    deployment["metadata"]["name"],
                    status.get("readyReplicas", 0),
                    deployment["spec"].get("replicas", 1),
                )
        return found

    def patch_route(self, operations: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the route after a JSON patch.

        Raises:
            UserError: somebody has changed what the patch goes by, or the API server refuses it, with kubectl's words.
        """
        return self.kubectl.patch(_ROUTE, names.CLASSIFIER, operations)


def split(found: Mapping[str, Any], pods: Mapping[str, Pods]) -> dict[str, int]:
    """Return the weights that a route has, by version; a backend that is no version's goes by its own name."""
    versions = {about.name: version for version, about in pods.items()}
    rules = found["spec"]["rules"]
    backends = rules[route.index(rules, names.SPLIT)]["backendRefs"]
    # 1 is the API's default.
    return {versions.get(backend["name"], backend["name"]): backend.get("weight", 1) for backend in backends}


def _version(manifest: Manifest) -> str | None:
    label = manifest["metadata"].get("labels", {}).get(names.VERSION_LABEL)
    return None if label is None else str(label)
