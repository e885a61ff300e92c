"""What runs in a pod: pinned images, room, and probes."""

from tests.kubernetes.built import Object
from tests.kubernetes.policies.workloads import containers, every_container, long_running, pods, ports, traffic
from tests.kubernetes.quantity import bytes_of

# 62 MB of Envoy itself, 13 between two looks (tests/integration/test_edge_memory.py), and the kernel's buffers.
_EDGE_BESIDES_HEAP_BYTES = 200_000_000
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def image_without_a_tag(objects: list[Object]) -> list[str]:
    """A tag other than `latest`, or a digest; images that are volumes count."""
    images = [(name, each["image"]) for name, each in containers(objects)]
    for name, spec in pods(objects):
        images += [
            (f"{name}, volume {each['name']}", each["image"]["reference"])
            for each in spec["volumes"]
            if "image" in each
        ]
    return [f"{name}: {image} has no tag that stays" for name, image in images if not _pinned(image)]


def _pinned(image: str) -> bool:
    if "@sha256:" in image:
        return True
    # The last part: a registry may have a port.
    _, _, tag = image.rpartition("/")[2].partition(":")
    return tag not in ("", "latest")


def container_without_resources(objects: list[Object]) -> list[str]:
    return [
        f"{name}: no {kind} for {resource}"
        for name, each in containers(objects)
        for kind in ("requests", "limits")
        for resource in ("cpu", "memory")
        if resource not in each.get("resources", {}).get(kind, {})
    ]


def pod_without_probes(objects: list[Object]) -> list[str]:
    """Whatever runs as long as the pod is seen to live; something of the pod says when it has started and is ready."""
    said = []
    for name, spec in pods(objects):
        said += [f"{name}/{each['name']}: no livenessProbe" for each in long_running(spec) if _PROBES[2] not in each]
        said += [
            f"{name}: no container has a {probe}"
            for probe in _PROBES[:2]
            if not any(probe in each for each in every_container(spec))
        ]
    return said


def edge_without_room_above_its_bound(objects: list[Object]) -> list[str]:
    """The bound is of Envoy's heap alone; at its limit the kernel ends the edge, and every request in it."""
    said = []
    for name, spec in pods(objects):
        [edge] = [each for each in every_container(spec) if each["name"] == "edge"]
        limit = edge.get("resources", {}).get("limits", {}).get("memory", "0")
        needed = traffic(spec, objects)["edge"]["max_memory_bytes"] + _EDGE_BESIDES_HEAP_BYTES
        said += [f"{name}/edge: is ended at {limit} and may take {needed} bytes"] * (bytes_of(limit) < needed)
    return said


def edge_that_is_not_a_sidecar_from_the_first(objects: list[Object]) -> list[str]:
    """It tells Prometheus of a pod whose archive is refused, and outlives TorchServe; patches can change the order."""
    firsts = [(name, (spec.get("initContainers") or [{}])[0]) for name, spec in pods(objects)]
    return [
        f"{name}: begins with {each.get('name')}, which is not the edge as a sidecar"
        for name, each in firsts
        if (each.get("name"), each.get("restartPolicy")) != ("edge", "Always")
    ]


def probe_of_no_port(objects: list[Object]) -> list[str]:
    """The kubelet knows the ports of a probe's own container by name, and any other by number only."""
    said = []
    for name, spec in pods(objects):
        for each in every_container(spec):
            own = {port.get("name") for port in each.get("ports", [])}
            for probe in _PROBES:
                port = each.get(probe, {}).get("httpGet", {}).get("port")
                known = port in (own if isinstance(port, str) else ports(spec))
                if port is not None and not known:
                    said.append(f"{name}/{each['name']}: {probe} asks port {port}, which is not there")
    return said
