"""All that `make kubernetes` writes below deploy/kubernetes, as texts by path."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from scripts.kubernetes import names, route
from scripts.kubernetes.version import Version, files
from scripts.kubernetes.yaml_text import dump
from scripts.serving.installation import Installation
from scripts.serving.monitoring import FOLDER as MONITORING
from scripts.serving.monitoring import RULES

GENERATED = "generated"
_COMPONENT = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
# Mean number of requests that wait, a pod (Little's law: seconds of waiting a second). One batch waiting is no queue.
_WAITING = "4"


def render(wanted: Installation, digests: Mapping[str, str]) -> dict[str, str]:
    """Return the generated files.

    Args:
        wanted: the operator's files.
        digests: SHA-256 of the archive, by version, for all of traffic.yaml's.

    Raises:
        UserError: two versions have one name on Kubernetes, or there are too many for one route.
    """
    names.require_distinct(wanted.traffic.versions)
    parts = {
        "base": _base(wanted, digests),
        "components/shadow": _shadow(wanted, digests),
        "components/keda": {"scaledobjects.yaml": _documents(_scaled_object(v) for v in wanted.traffic.versions)},
        "components/monitoring": {
            "prometheusrule.yaml": dump(_prometheus_rule()),
            f"{names.APP}.json": (MONITORING / "dashboard.json").read_text(encoding="utf-8"),
        },
        "components/image-volumes": {"kustomization.yaml": dump(_image_volumes(wanted.traffic.versions))},
    }
    return {
        str(PurePosixPath(part) / GENERATED / name): text
        for part, written in parts.items()
        for name, text in written.items()
    }


def _base(wanted: Installation, digests: Mapping[str, str]) -> dict[str, str]:
    versions = list(wanted.traffic.split)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["httproute.yaml", *(f"versions/{version}" for version in versions)],
    }
    return {
        "kustomization.yaml": dump(kustomization),
        "httproute.yaml": dump(route.httproute(wanted.traffic, wanted.spec.name)),
        **_versions(wanted, digests, versions, "../../../../version"),
    }


def _shadow(wanted: Installation, digests: Mapping[str, str]) -> dict[str, str]:
    traffic, shadow = wanted.traffic, wanted.traffic.shadow
    place = len(traffic.split)
    # By the rule's name first: a route that is not as traffic.yaml has it is an error and not another mirror. Without a
    # shadow that is all: a component may not be empty.
    operations: list[dict[str, Any]] = [{"op": "test", "path": f"/spec/rules/{place}/name", "value": names.SPLIT}]
    apart = []
    if shadow is not None:
        operations.append({"op": "add", "path": f"/spec/rules/{place}/filters", "value": [route.mirror(shadow)]})
        if shadow.version not in traffic.split:
            apart = [shadow.version]
            pin = route.pin(shadow.version, traffic, wanted.spec.name)
            operations.append({"op": "add", "path": "/spec/rules/0", "value": pin})
    component = {
        **_COMPONENT,
        "resources": [f"versions/{version}" for version in apart],
        "patches": [{"target": {"kind": route.KIND}, "patch": yaml.safe_dump(operations, sort_keys=False)}],
    }
    return {
        "kustomization.yaml": dump(component),
        **_versions(wanted, digests, apart, "../../../../../version"),
    }


def _versions(wanted: Installation, digests: Mapping[str, str], versions: list[str], template: str) -> dict[str, str]:
    return {
        f"versions/{version}/{name}": text
        for version in versions
        for name, text in files(wanted, Version(version, digests[version]), template).items()
    }


def _scaled_object(version: str) -> dict[str, Any]:
    """Return KEDA's autoscaler of a version, by the time that requests wait: a counter's rate, not its value."""
    waiting = f'sum(rate(ts_queue_latency_microseconds{{version="{version}"}}[2m])) / 1e6'
    # TorchServe has no such series before the first request: 0 then, where it is scraped at all. Otherwise there is
    # no answer, which is an error to KEDA and makes it fall back.
    query = f'{waiting} or 0 * sum(up{{job="torchserve", version="{version}"}} == 1)'
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": names.of(version), "labels": {names.VERSION_LABEL: version}},
        "spec": {
            "scaleTargetRef": {"name": names.of(version)},
            "pollingInterval": 15,
            "minReplicaCount": 2,
            "maxReplicaCount": 6,
            "fallback": {"failureThreshold": 4, "replicas": 3, "behavior": "currentReplicasIfHigher"},
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "name": names.of(version),
                    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
                }
            },
            "triggers": [
                {
                    "type": "prometheus",
                    "metricType": "AverageValue",
                    "metadata": {
                        "serverAddress": "http://prometheus-operated.monitoring.svc:9090",
                        "query": query,
                        "threshold": _WAITING,
                        "ignoreNullValues": "false",
                    },
                }
            ],
        },
    }


def _prometheus_rule() -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": names.CLASSIFIER},
        "spec": yaml.safe_load(RULES.read_text(encoding="utf-8")),
    }


def _image_volumes(versions: list[str]) -> dict[str, Any]:
    def patch(version: str) -> dict[str, Any]:
        image = {"reference": f"archives:{version}", "pullPolicy": "IfNotPresent"}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": names.of(version)},
            "spec": {"template": {"spec": {"volumes": [{"name": "artifact", "image": image}]}}},
        }

    patches = [
        {
            "target": {"kind": "Deployment", "name": names.of(version)},
            "patch": yaml.safe_dump(patch(version), sort_keys=False),
        }
        for version in versions
    ]
    return {**_COMPONENT, "patches": patches}


def _documents(contents: Iterator[dict[str, Any]]) -> str:
    return "---\n".join(dump(content) for content in contents)
