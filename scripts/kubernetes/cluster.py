"""What an overlay's service is in its cluster: the route, and versions with their pods."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes import names, route
from scripts.kubernetes.kubectl import Kubectl, Manifest
from scripts.serving.places import shown

_ROUTE = "httproute.gateway.networking.k8s.io"
_DEPLOYMENT = "deployment.apps"
_COMPONENT = f"app.kubernetes.io/component={names.CLASSIFIER}"
# What every object of an overlay has, so that a command for one does not change another's.
OVERLAY_LABEL = "app.kubernetes.io/instance"


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
        words: the arguments that lead a verb here once more.
    """

    overlay: Path
    kubectl: Kubectl
    words: str

    @classmethod
    def of(cls, manifests: Path, overlay: str, context: str) -> "Cluster":
        """Return the cluster of an overlay, by its name, of those in the folder `manifests`.

        Raises:
            UserError: there is no such overlay, it does not build, or the kubeconfig names no cluster.
        """
        folder = manifests / "overlays" / overlay
        if not re.fullmatch(r"[\w-]+", overlay) or not (folder / "kustomization.yaml").is_file():
            known = ", ".join(sorted(path.parent.name for path in manifests.glob("overlays/*/kustomization.yaml")))
            raise UserError(
                f"OVERLAY={overlay}: no such overlay in {shown(manifests)}/overlays; there are: {known or 'none'}."
            )
        kubectl = Kubectl.find()
        routes = [one for one in kubectl.kustomize(folder) if one["kind"] == route.KIND]
        if len(routes) != 1:
            raise UserError(f"{shown(folder)} builds {len(routes)} HTTPRoutes, not one; `make kubernetes` writes it.")
        words = f"TARGET=kubernetes OVERLAY={overlay}" + (f" KUBE_CONTEXT={context}" if context else "")
        return cls(folder, kubectl.attached(context, routes[0]["metadata"]["namespace"]), words)

    def manifests(self, version: str) -> list[Manifest]:
        """Return the overlay's objects that belong to one version."""
        return [one for one in self.kubectl.kustomize(self.overlay) if _version(one) == version]

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
            UserError: there is none, or it is another overlay's.
        """
        found = self.kubectl.get(_ROUTE, names.CLASSIFIER)
        if found is None:
            raise UserError(f"there is no HTTPRoute {names.CLASSIFIER} in {self.where()}; `{self.apply}` first.")
        whose = found["metadata"].get("labels", {}).get(OVERLAY_LABEL)
        if whose != self.overlay.name:
            raise UserError(
                f"the service in the context {self.kubectl.context} is the overlay {whose}, not {self.overlay.name}; "
                "name the right OVERLAY or KUBE_CONTEXT."
            )
        return found

    def patch_route(self, operations: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the route after a JSON patch.

        Raises:
            UserError: somebody has changed what the patch goes by, or the API server refuses it, with kubectl's words.
        """
        return self.kubectl.patch(_ROUTE, names.CLASSIFIER, operations)

    def pods(self) -> dict[str, Pods]:
        """Return the Deployments, by version."""
        found = {}
        for deployment in self.kubectl.select(_DEPLOYMENT, _COMPONENT):
            version, status = _version(deployment), deployment.get("status", {})
            if version is not None:
                ready, wanted = status.get("readyReplicas", 0), deployment["spec"].get("replicas", 1)
                found[version] = Pods(deployment["metadata"]["name"], ready, wanted)
        return found

    def deployment(self, version: str) -> dict[str, Any]:
        """Return a version's Deployment.

        Raises:
            UserError: there is none.
        """
        found = self.kubectl.get(_DEPLOYMENT, names.of(version))
        if found is None:
            raise UserError(f"there is no Deployment {names.of(version)} in {self.where()}.")
        return found

    def pods_of(self, version: str) -> list[dict[str, Any]]:
        """Return a version's pods."""
        return self.kubectl.select("pod", f"{_COMPONENT},{names.VERSION_LABEL}={version}")

    def settings(self, version: str) -> dict[str, str]:
        """Return what a version's pods have as settings: their archive's name and digest, the model."""
        containers = self.deployment(version)["spec"]["template"]["spec"]["initContainers"]
        names_of = [one["configMapRef"]["name"] for one in containers[0].get("envFrom", []) if "configMapRef" in one]
        found = [self.kubectl.get("configmap", name) or {} for name in names_of]
        return {key: value for one in found for key, value in one.get("data", {}).items()}


def _version(manifest: Manifest) -> str | None:
    label = manifest["metadata"].get("labels", {}).get(names.VERSION_LABEL)
    return None if label is None else str(label)
