"""Which resources the server has, under which paths, and the documents by which a client finds them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

DISCOVERY_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True)
class Resource:
    """One kind of object; `group` is empty for the core group."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def kind_and_group(self) -> str:
        """`ConfigMap` or `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


RESOURCES = (
    Resource("", "v1", "Namespace", "namespaces", namespaced=False, short=("ns",)),
    Resource("", "v1", "ConfigMap", "configmaps", short=("cm",)),
    Resource("", "v1", "Event", "events", short=("ev",)),
    Resource("", "v1", "Pod", "pods", short=("po",)),
    Resource("", "v1", "Secret", "secrets"),
    Resource("", "v1", "Service", "services", short=("svc",)),
    Resource("", "v1", "ServiceAccount", "serviceaccounts", short=("sa",)),
    Resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False),
    Resource("apps", "v1", "Deployment", "deployments", short=("deploy",)),
    Resource("apps", "v1", "ReplicaSet", "replicasets", short=("rs",)),
    Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short=("hpa",)),
    Resource("gateway.envoyproxy.io", "v1alpha1", "BackendTrafficPolicy", "backendtrafficpolicies"),
    Resource("gateway.envoyproxy.io", "v1alpha1", "ClientTrafficPolicy", "clienttrafficpolicies"),
    Resource("gateway.envoyproxy.io", "v1alpha1", "SecurityPolicy", "securitypolicies"),
    Resource("gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses", namespaced=False, short=("gc",)),
    Resource("gateway.networking.k8s.io", "v1", "Gateway", "gateways", short=("gtw",)),
    Resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    Resource("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", short=("so",)),
    Resource("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors", short=("pmon",)),
    Resource("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules", short=("promrule",)),
    Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short=("netpol",)),
    Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short=("pdb",)),
)
_BY_KIND = {resource.kind: resource for resource in RESOURCES}
_BY_PATH = {(resource.api_version, resource.plural): resource for resource in RESOURCES}
_PATH = re.compile(
    r"/(?:api|apis)/(?P<version>v1|[^/]+/v[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)


@dataclass(frozen=True)
class Target:
    """What a path names: an object, or with an empty `name` all of them; an empty `namespace` is every one."""

    resource: Resource
    namespace: str = ""
    name: str = ""

    @property
    def qualified(self) -> str:
        """`configmaps` or `deployments.apps`, as messages have it."""
        return f"{self.resource.plural}.{self.resource.group}" if self.resource.group else self.resource.plural

    @property
    def scope(self) -> str:
        """The resource, its group and where: how a refusal names what may not be touched."""
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return f'resource "{self.resource.plural}" in API group "{self.resource.group}" {where}'


def resource_of(kind: str) -> Resource:
    """The resource of `kind`; raises KeyError for one that the server does not know."""
    return _BY_KIND[kind]


def target_of(path: str) -> Target | None:
    """What a request's path names, without regard to what is installed; None for anything but a known resource."""
    found = _PATH.fullmatch(path)
    resource = _BY_PATH.get((found["version"], found["plural"])) if found else None
    return Target(resource, found["namespace"] or "", found["name"] or "") if found and resource else None


def discovery(resources: Iterable[Resource], core: bool) -> dict[str, Any]:
    """The aggregated discovery document for `/api` (the core group) or `/apis` (every other one)."""
    groups = groupby((each for each in resources if core == (each.group == "")), key=lambda each: each.group)
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [_group(name, list(members)) for name, members in groups],
    }


def _group(name: str, members: list[Resource]) -> dict[str, Any]:
    # Every group here has one version.
    version = {"version": members[0].version, "freshness": "Current", "resources": [_entry(each) for each in members]}
    return {"metadata": {"name": name} if name else {}, "versions": [version]}


def _entry(resource: Resource) -> dict[str, Any]:
    return {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.kind.lower(),
        "verbs": _VERBS,
        "shortNames": list(resource.short),
    }
