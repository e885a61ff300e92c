"""Who reaches what: the gateway a pod's edge, Prometheus its metrics, and nobody TorchServe or Envoy's admin."""

from collections.abc import Iterator
from typing import Any

from scripts.serving.places import Ports
from tests.kubernetes.built import Object, of_kind
from tests.kubernetes.policies.workloads import containers, deployments, every_container, pod, pod_labels, selects

EDGE, MONITORING = 8000, 9102
PRIVATE = {*Ports().torchserve().values(), Ports().admin}
_GATEWAY = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "envoy-gateway-system"}},
    "podSelector": {"matchLabels": {"gateway.envoyproxy.io/owning-gateway-name": "classifier"}},
}
_PROMETHEUS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
_DNS = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}


def way_in_that_is_not_wanted(objects: list[Object]) -> list[str]:
    """Exactly the gateway to the edge, and where Prometheus is told to look, Prometheus to the metrics."""
    wanted = [(EDGE, _GATEWAY)]
    if of_kind(objects, "PodMonitor"):
        wanted.append((MONITORING, _PROMETHEUS))
    said = []
    for each in deployments(objects):
        name = each["metadata"]["name"]
        policies = list(_policies(objects, each))
        said += [
            f"{name}: no policy closes its {way}"
            for way in ("Ingress", "Egress")
            if not any(way in policy["policyTypes"] for policy in policies)
        ]
        ways = [way for policy in policies for rule in policy.get("ingress", []) for way in _ways(rule, "from")]
        said += [
            f"{name}: {who or 'anybody'} may reach {port or 'every port'}"
            for port, who in ways
            if (port, who) not in wanted
        ]
        said += [f"{name}: {who} can't reach {port}" for port, who in wanted if (port, who) not in ways]
    return said


def way_out_that_is_not_needed(objects: list[Object]) -> list[str]:
    """None, but to the store of archives where there is one, over TLS, and to the names that lead there."""
    said = []
    for each in deployments(objects):
        policies = _policies(objects, each)
        ways = [way for policy in policies for rule in policy.get("egress", []) for way in _ways(rule, "to")]
        allowed = [(53, _DNS), (443, None)] if _has_a_store(pod(each)) else []
        name = each["metadata"]["name"]
        said += [
            f"{name} may reach {who or 'anybody'} at {port or 'every port'}"
            for port, who in ways
            if (port, who) not in allowed
        ]
        said += [
            f"{name} can't reach {who or 'its store'} at {port}" for port, who in allowed if (port, who) not in ways
        ]
    return said


def private_port_in_sight(objects: list[Object]) -> list[str]:
    """TorchServe's HTTP stack has known holes, and Envoy's admin interface ends it: only the pod may reach them."""
    said = [
        f"{name}: declares {port['containerPort']}"
        for name, each in containers(objects)
        for port in each.get("ports", [])
        if port["containerPort"] in PRIVATE
    ]
    for each in of_kind(objects, "Service"):
        said += [
            f"Service {each['metadata']['name']}: leads to {port.get('targetPort', port['port'])}"
            for port in each["spec"]["ports"]
            if port.get("targetPort", port["port"]) in PRIVATE
        ]
    for each in of_kind(objects, "NetworkPolicy"):
        ports = [port for rule in each["spec"].get("ingress", []) for port in rule.get("ports", [{}])]
        said += [
            f"NetworkPolicy {each['metadata']['name']}: opens {private}"
            for private in sorted(PRIVATE)
            if any(_opens(port, private) for port in ports)
        ]
    return said


def _policies(objects: list[Object], deployment: Object) -> Iterator[Any]:
    for each in of_kind(objects, "NetworkPolicy"):
        if selects(each["spec"]["podSelector"], pod_labels(deployment)):
            yield each["spec"]


def _ways(rule: Object, key: str) -> Iterator[tuple[Any, Any]]:
    """Yield each port with each peer that a rule names; None stands for every one."""
    for port in rule.get("ports", [{}]):
        number = port.get("port")
        if "endPort" in port:
            number = f"{number}-{port['endPort']}"
        yield from ((number, peer) for peer in rule.get(key) or [None])


def _opens(port: Object, private: int) -> bool:
    first = port.get("port")
    if first is None:
        return True
    assert isinstance(first, int), "a name is not looked up here"
    return first <= private <= int(port.get("endPort", first))


def _has_a_store(spec: Any) -> bool:
    sources = [
        variable.get("value", "")
        for each in every_container(spec)
        for variable in each.get("env", [])
        if variable["name"] == "ARCHIVE_SOURCE"
    ]
    return any(source.startswith(("http://", "https://")) for source in sources)
