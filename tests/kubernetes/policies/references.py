"""All that an object refers to is there."""

import re
from collections.abc import Iterator
from typing import Any

from tests.kubernetes.built import Object, of_kind
from tests.kubernetes.policies.workloads import backends, deployments, every_container, pod, pods, ports, selected

# Made by whoever runs the cluster: keys and certificates are in no repository.
EXTERNAL = {("Secret", "api-keys"), ("Secret", "classifier-tls")}
_SOURCES = {"configMap": ("ConfigMap", "name"), "secret": ("Secret", "secretName")}
_VARIABLE = re.compile(r"\$\((\w+)\)")


def object_that_is_not_there(objects: list[Object]) -> list[str]:
    there = {(each["kind"], each["metadata"]["name"]) for each in objects} | EXTERNAL
    return [
        f"{each['kind']} {each['metadata']['name']} refers to {kind} {name}, which is not there"
        for each in objects
        for kind, name in _named_by(each)
        if (kind, name) not in there
    ]


def config_map_that_nobody_reads(objects: list[Object]) -> list[str]:
    """But a dashboard, which Grafana's sidecar finds by its label."""
    read = {reference for each in objects for reference in _named_by(each)}
    return [
        f"ConfigMap {each['metadata']['name']} is read by nobody"
        for each in of_kind(objects, "ConfigMap")
        if ("ConfigMap", each["metadata"]["name"]) not in read
        and "grafana_dashboard" not in each["metadata"].get("labels", {})
    ]


def _named_by(each: Object) -> Iterator[tuple[str, str]]:
    spec = each.get("spec", {})
    if each["kind"] == "Deployment":
        yield from _named_by_pod(pod(each))
    if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
        yield spec["scaleTargetRef"].get("kind", "Deployment"), spec["scaleTargetRef"]["name"]
    if each["kind"] == "HTTPRoute":
        yield from ((ref.get("kind", "Gateway"), ref["name"]) for ref in spec["parentRefs"])
        yield from ((ref.get("kind", "Service"), ref["name"]) for ref in backends(each))
    if each["kind"] == "Gateway":
        certificates = (ref for one in spec["listeners"] for ref in one.get("tls", {}).get("certificateRefs", []))
        yield from ((ref.get("kind", "Secret"), ref["name"]) for ref in certificates)
    yield from ((ref["kind"], ref["name"]) for ref in spec.get("targetRefs", []))
    yield from ((ref["kind"], ref["name"]) for ref in spec.get("apiKeyAuth", {}).get("credentialRefs", []))


def _named_by_pod(spec: Any) -> Iterator[tuple[str, str]]:
    for volume in spec["volumes"]:
        yield from ((kind, volume[source][key]) for source, (kind, key) in _SOURCES.items() if source in volume)
    for each in every_container(spec):
        yield from (("ConfigMap", source["configMapRef"]["name"]) for source in each.get("envFrom", []))
    assert "projected" not in str(spec["volumes"]), "is not looked into here"


def port_that_is_not_there(objects: list[Object]) -> list[str]:
    """A Service's of its pods, a route's of its Services, and a PodMonitor's of the pods, by name."""
    said = []
    served = {}
    for each in of_kind(objects, "Service"):
        served[each["metadata"]["name"]] = {port["port"] for port in each["spec"]["ports"]}
        names = selected({"matchLabels": each["spec"]["selector"]}, objects)
        found = [ports(spec) for name, spec in pods(objects) if name in names]
        for port in each["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            if not all(target in one or target in one.values() for one in found):
                said.append(f"Service {each['metadata']['name']} leads to port {target} of no container")
    for each in of_kind(objects, "HTTPRoute"):
        wrong = [ref for ref in backends(each) if ref["port"] not in served.get(ref["name"], ())]
        said += [f"HTTPRoute {each['metadata']['name']}: {ref['name']} has no port {ref['port']}" for ref in wrong]
    for each in of_kind(objects, "PodMonitor"):
        names = selected(each["spec"]["selector"], objects)
        said += ["the PodMonitor looks at some pods only"] * (names != [name for name, _ in pods(objects)])
        named = {one for name, spec in pods(objects) if name in names for one in ports(spec).values()}
        asked = [one["port"] for one in each["spec"]["podMetricsEndpoints"]]
        said += [f"the PodMonitor asks port {one}, which no pod has" for one in asked if one not in named]
    return said


def part_of_a_pod_that_is_not_there(objects: list[Object]) -> list[str]:
    """Volumes, variables in arguments, files in ConfigMaps, and the container that an autoscaler looks at."""
    data = {each["metadata"]["name"]: each.get("data", {}) for each in of_kind(objects, "ConfigMap")}
    said = []
    for name, spec in pods(objects):
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        mounted = {mount["name"] for each in every_container(spec) for mount in each.get("volumeMounts", [])}
        said += [f"{name}: volume {one} is mounted nowhere" for one in volumes if one not in mounted]
        for each in every_container(spec):
            said += [f"{name}/{each['name']}: {one}" for one in _missing(each, volumes, data)]
    running = {
        each["metadata"]["name"]: [one["name"] for one in every_container(pod(each))] for each in deployments(objects)
    }
    for each in of_kind(objects, "HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]["name"]
        asked = [one.get("containerResource", {}).get("container") for one in each["spec"]["metrics"]]
        said += [
            f"{each['metadata']['name']}: {target} has no container {one}"
            for one in asked
            if one not in running.get(target, [])
        ]
    return said


def _missing(container: Any, volumes: dict[str, Any], data: dict[str, Any]) -> Iterator[str]:
    mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
    yield from (f"no volume {name}" for name in mounts.values() if name not in volumes)
    variables = {one["name"]: one["value"] for one in container.get("env", [])}
    for source in container.get("envFrom", []):
        variables |= data.get(source["configMapRef"]["name"], {})
    asked = {name for word in container.get("args", []) for name in _VARIABLE.findall(word)}
    yield from (f"no variable {name}" for name in sorted(asked - set(variables)))
    for name in ("CONFIG", "TRAFFIC"):
        if name in variables:
            folder, _, file = variables[name].rpartition("/")
            files = data.get(volumes.get(mounts.get(folder, ""), {}).get("configMap", {}).get("name", ""), {})
            if file not in files:
                yield f"{name} is {variables[name]}, where no file is"
