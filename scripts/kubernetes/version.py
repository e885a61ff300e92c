"""One version as a kustomization: its name, its files, its size; the rest is deploy/kubernetes/version, by hand."""

import math
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.errors import UserError
from scripts.kubernetes import names
from scripts.kubernetes.yaml_text import dump
from scripts.pod import drain
from scripts.serving import processes, properties_edit, sizes
from scripts.serving.installation import Installation
from scripts.serving.supervisor import STOP_TORCHSERVE_S
from scripts.serving.traffic import Edge, Traffic

# The pod's ports, as deploy/kubernetes/version has them.
_EDGE_PORT, _MONITORING_PORT = 8000, 9102
# By which the pod's time-out is shorter than the route's.
_SOONER_S = 1
# MiB of an edge that edge.max_memory_bytes does not bound: 60 of Envoy beside its heap, 13 that come in between two of
# its looks (tests/integration/test_edge_memory.py), and the kernel's buffers of its connections.
_EDGE_BESIDES_HEAP_MIB = 256
# Envoy's own end, after TorchServe's.
_MARGIN_S = 5.0


@dataclass(frozen=True)
class Version:
    """A version, and the archive that its pods have to find."""

    name: str
    sha256: str


def files(wanted: Installation, version: Version, template: str) -> dict[str, str]:
    """Return the files of a version's folder, by name.

    Args:
        wanted: the operator's files.
        version: one of traffic.yaml's.
        template: the folder deploy/kubernetes/version, as seen from the version's own.
    """
    pod = pod_traffic(wanted.traffic, version.name)
    return {
        "kustomization.yaml": dump(_kustomization(wanted, version, pod, template)),
        "config.properties": properties_edit.only(wanted.config.path, wanted.spec.name, version.name),
        "traffic.yaml": dump(pod.model_dump(mode="json", exclude={"replicas"})),
    }


def pod_traffic(traffic: Traffic, version: str) -> Traffic:
    """Return the traffic.yaml of a pod: all that comes is for its one version.

    Weights and shadow are the route's, so that changing them changes no pod. There is no choice for a cookie to keep.

    Raises:
        UserError: the time-out leaves nothing for the pod.
    """
    if traffic.edge.timeout_s <= _SOONER_S:
        raise UserError(f"traffic.yaml: `edge.timeout_s` is {traffic.edge.timeout_s}; on Kubernetes give at least 2.")
    edge = Edge(
        address="0.0.0.0",
        port=_EDGE_PORT,
        monitoring_port=_MONITORING_PORT,
        threads=traffic.edge.threads,
        max_body_bytes=traffic.edge.max_body_bytes,
        max_memory_bytes=traffic.edge.max_memory_bytes,
        # Before the route's own limit, so that the caller gets the edge's JSON and not the gateway's words.
        timeout_s=traffic.edge.timeout_s - _SOONER_S,
    )
    return Traffic(split={version: 100}, sticky_header=traffic.sticky_header, edge=edge)


def grace_s(pod: Traffic) -> int:
    """Return how long a pod may take to end: the drain, the slowest request in it, and the servers' own end."""
    stop_s = STOP_TORCHSERVE_S + processes.KILLED_WITHIN_S
    return math.ceil(drain.longest_s(pod.edge.timeout_s) + stop_s + _MARGIN_S)


def _kustomization(wanted: Installation, version: Version, pod: Traffic, template: str) -> dict[str, Any]:
    # Above what it may hold: at its limit the kernel ends it, and all its requests.
    edge_mib = math.ceil(pod.edge.max_memory_bytes / 2**20) + _EDGE_BESIDES_HEAP_MIB
    archive = wanted.places.archive(wanted.spec.name, version.name).name
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": names.CLASSIFIER},
        "spec": {
            "template": {
                "spec": {
                    "terminationGracePeriodSeconds": grace_s(pod),
                    "initContainers": [{"name": "edge", "resources": {"limits": {"memory": f"{edge_mib}Mi"}}}],
                    "containers": [{"name": "torchserve", "resources": _resources(wanted, version.name)}],
                }
            }
        },
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [template],
        "nameSuffix": names.suffix(version.name),
        "labels": [
            {
                "pairs": {"app.kubernetes.io/name": names.APP, names.VERSION_LABEL: version.name},
                "includeSelectors": True,
            }
        ],
        "configMapGenerator": [
            {"name": "files", "files": ["config.properties", "traffic.yaml"]},
            {
                "name": "settings",
                "literals": [f"MODEL={wanted.model}", f"ARCHIVE_NAME={archive}", f"ARCHIVE_SHA256={version.sha256}"],
            },
        ],
        "patches": [{"patch": yaml.safe_dump(patch, sort_keys=False)}],
    }


def _resources(wanted: Installation, version: str) -> dict[str, Any]:
    workers = wanted.config.version(wanted.spec.name, version).min_workers
    cores = workers * wanted.config.handler.threads
    return {
        "requests": {"cpu": str(cores), "memory": f"{sizes.SERVER_MIB + workers * sizes.WORKER_MIB}Mi"},
        # One core more: the front end and start-up.
        "limits": {"cpu": str(cores + 1), "memory": f"{sizes.SERVER_LIMIT_MIB + workers * sizes.WORKER_LIMIT_MIB}Mi"},
    }
