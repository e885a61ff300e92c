"""Which resources the server has, under which paths, and the documents by which kubectl finds them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

DISCOVERY_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_OPENAPI = "/openapi/v3"


@dataclass(frozen=True)
class Resource:
    """One kind of object; `group` is empty for the core group."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """`api/v1` or `apis/apps/v1`."""
        return f"{'apis' if self.group else 'api'}/{self.api_version}"

    @property
    def described(self) -> dict[str, str]:
        """Its kind, as documents name it."""
        return {"group": self.group, "version": self.version, "kind": self.kind}


# What the overlay `local` applies and the verbs read. Those of a group stand together.
RESOURCES = (
    Resource("", "v1", "Namespace", "namespaces", namespaced=False),
    Resource("", "v1", "ConfigMap", "configmaps"),
    Resource("", "v1", "Pod", "pods"),
    Resource("", "v1", "Service", "services"),
    Resource("apps", "v1", "Deployment", "deployments"),
    Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
)
_BY_KIND = {resource.kind: resource for resource in RESOURCES}
_BY_PATH = {(resource.root, resource.plural): resource for resource in RESOURCES}
_PATH = re.compile(
    r"/(?P<root>api/v1|apis/[^/]+/v[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)


@dataclass(frozen=True)
class Target:
    """What a path names: an object, or with an empty `name` all of the namespace."""

    resource: Resource
    namespace: str = ""
    name: str = ""

    @property
    def qualified(self) -> str:
        """`configmaps` or `deployments.apps`, as messages have it."""
        return f"{self.resource.plural}.{self.resource.group}" if self.resource.group else self.resource.plural


def resource_of(kind: str) -> Resource:
    """The resource of `kind`; raises KeyError for one that the server does not know."""
    return _BY_KIND[kind]


def target_of(path: str) -> Target:
    """What a request's path names; raises KeyError for anything but a known resource."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise KeyError(path)
    return Target(_BY_PATH[found["root"], found["plural"]], found["namespace"] or "", found["name"] or "")


def document(path: str) -> dict[str, Any] | None:
    """What the server says of itself at `path`; None where that is a resource's."""
    match path:
        case "/api" | "/apis":
            return _discovery(each for each in RESOURCES if (path == "/api") == (each.group == ""))
        # `kubectl apply` looks up whether a PATCH of the kind takes `fieldValidation`: then the server validates.
        case "/openapi/v3":
            return {"paths": {each.root: {"serverRelativeURL": f"{_OPENAPI}/all"} for each in RESOURCES}}
        case "/openapi/v3/all":
            paths = {f"/{each.root}/{each.plural}/{{name}}": {"patch": _patch(each)} for each in RESOURCES}
            return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.37.1"}, "paths": paths}
    return None


def _patch(resource: Resource) -> dict[str, Any]:
    parameters = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
    kind = {"x-kubernetes-group-version-kind": resource.described}
    return {"x-kubernetes-action": "patch", "parameters": parameters} | kind


def _discovery(resources: Iterable[Resource]) -> dict[str, Any]:
    """The aggregated discovery document."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [_group(name, list(members)) for name, members in groupby(resources, key=lambda each: each.group)],
    }


def _group(name: str, members: list[Resource]) -> dict[str, Any]:
    # Every group here has one version.
    version = {"version": members[0].version, "freshness": "Current", "resources": [_entry(each) for each in members]}
    return {"metadata": {"name": name} if name else {}, "versions": [version]}


def _entry(resource: Resource) -> dict[str, Any]:
    return {
        "resource": resource.plural,
        "responseKind": resource.described,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.kind.lower(),
        "verbs": ["delete", "get", "list", "patch"],
    }
