"""What each version adds to a component: its autoscaler by the queue, its alert, its image of archives.

And what is left of the monitoring of one machine in a cluster.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from scripts.kubernetes import names
from scripts.serving.monitoring import FOLDER, RULES

COMPONENT = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
# Mean number of requests that wait, a pod (Little's law: seconds of waiting a second). One batch waiting is no queue.
_WAITING = "4"
# Of a server on one machine, whose address is known. In a cluster a pod that is not there is no target, and one of
# several that does not answer is no outage; VersionIsAway asks for what matters.
_NOT_IN_A_CLUSTER = {"ServerIsDown"}
# Pods have no exporter.
_OF_THE_EXPORTER = "release"


def scaled_object(version: str) -> dict[str, Any]:
    """Return KEDA's autoscaler of a version, by the time that requests wait: a counter's rate, not its value."""
    waiting = f'sum(rate(ts_queue_latency_microseconds{{version="{version}"}}[2m])) / 1e6'
    # TorchServe has no such series before the first request: 0 then, where it is scraped at all. Otherwise there is
    # no answer, which is an error to KEDA and makes it fall back.
    query = f'{waiting} or 0 * sum(up{{job="torchserve", version="{version}"}} == 1)'
    trigger = {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": "http://prometheus-operated.monitoring.svc:9090",
            "query": query,
            "threshold": _WAITING,
            "ignoreNullValues": "false",
        },
    }
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 300}}
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
            "advanced": {"horizontalPodAutoscalerConfig": {"name": names.of(version), "behavior": behavior}},
            "triggers": [trigger],
        },
    }


def prometheus_rules(versions: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Give the rules of deploy/monitoring as far as they fit a cluster, and each version's alert of its absence."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    groups = [group for group in groups if group["name"] != _OF_THE_EXPORTER]
    for group in groups:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in _NOT_IN_A_CLUSTER]
    yield _prometheus_rule({"name": names.CLASSIFIER}, groups)
    for version in versions:
        metadata = {"name": names.of(version), "labels": {names.VERSION_LABEL: version}}
        yield _prometheus_rule(metadata, [{"name": f"version-{version}", "rules": [_is_away(version)]}])


def dashboard() -> str:
    """Return the dashboard without the panels that would be empty in a cluster."""
    document = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    document["panels"] = [panel for panel in document["panels"] if not _asks_the_exporter(panel)]
    return json.dumps(document, indent=2) + "\n"


def image_volumes(versions: Iterable[str]) -> dict[str, Any]:
    """Return the component that gives each version's pods a volume of the image `archives:<version>`."""
    return {**COMPONENT, "patches": [_image_volume(version) for version in versions]}


def _asks_the_exporter(panel: dict[str, Any]) -> bool:
    return any(f"{_OF_THE_EXPORTER}_" in target["expr"] for target in panel["targets"])


def _prometheus_rule(metadata: dict[str, Any], groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": groups},
    }


def _is_away(version: str) -> dict[str, Any]:
    return {
        "alert": "VersionIsAway",
        # Absent, too, where there is no pod that could say 0.
        "expr": f'absent(envoy_cluster_membership_healthy{{version="{version}"}} == 1)',
        "for": "2m",
        "labels": {"severity": "page", "version": version},
        "annotations": {
            "summary": f"Version {version} has no pod that is ready",
            "runbook_url": "docs/runbook.md#on-kubernetes-versionisaway",
        },
    }


def _image_volume(version: str) -> dict[str, Any]:
    image = {"reference": f"archives:{version}", "pullPolicy": "IfNotPresent"}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": names.of(version)},
        "spec": {"template": {"spec": {"volumes": [{"name": "artifact", "image": image}]}}},
    }
    return {
        "target": {"kind": "Deployment", "name": names.of(version)},
        "patch": yaml.safe_dump(patch, sort_keys=False),
    }
