"""The parts of a version's Deployment that policies look at."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.kubernetes.built import Object, named, of_kind


def deployments(objects: list[Object]) -> list[Object]:
    return of_kind(objects, "Deployment")


def pod(deployment: Object) -> Any:
    return deployment["spec"]["template"]["spec"]


def pod_labels(deployment: Object) -> dict[str, str]:
    found: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the pod of each Deployment."""
    yield from ((each["metadata"]["name"], pod(each)) for each in deployments(objects))


def every_container(spec: Any) -> list[Any]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def long_running(spec: Any) -> list[Any]:
    """Return the containers that run as long as the pod: an init container that is started again is a sidecar."""
    return [*(each for each in spec.get("initContainers", []) if each.get("restartPolicy") == "Always")] + spec[
        "containers"
    ]


def containers(objects: list[Object]) -> Iterator[tuple[str, Any]]:
    """Yield every container of every pod, with the name that a sentence calls it by."""
    for name, spec in pods(objects):
        yield from ((f"{name}/{each['name']}", each) for each in every_container(spec))


def ports(spec: Any) -> dict[int, str | None]:
    """Return the ports that a pod's containers declare, with their names."""
    return {port["containerPort"]: port.get("name") for each in every_container(spec) for port in each.get("ports", [])}


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Return whether a selector with `matchLabels` selects; an empty one selects everything."""
    assert set(selector) <= {"matchLabels"}, "is not evaluated here"
    return selector.get("matchLabels", {}).items() <= labels.items()


def selected(selector: Object, objects: list[Object]) -> list[str]:
    """Return the Deployments whose pods a selector selects."""
    return [each["metadata"]["name"] for each in deployments(objects) if selects(selector, pod_labels(each))]


def traffic(spec: Any, objects: list[Object]) -> Any:
    """Return the traffic.yaml of a pod."""
    [files] = [each["configMap"]["name"] for each in spec["volumes"] if each["name"] == "files"]
    return yaml.safe_load(named(objects, "ConfigMap", files)["data"]["traffic.yaml"])


def backends(route: Object) -> list[Any]:
    """Return all that a route sends requests to, mirrored ones too."""
    rules = route["spec"]["rules"]
    mirrors = [one["requestMirror"] for rule in rules for one in rule.get("filters", []) if "requestMirror" in one]
    return [ref for rule in rules for ref in rule["backendRefs"]] + [mirror["backendRef"] for mirror in mirrors]
