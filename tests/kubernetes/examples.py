"""A Deployment and a route, with as little in them as the verbs and the stub of the API server go by."""

from typing import Any

from tests.kubernetes.api import Manifest

LABELS = {"app.kubernetes.io/component": "classifier"}


def manifest(kind: str, api_version: str, name: str = "classifier", **more: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": dict(LABELS)}} | more


def deployment(name: str = "classifier", replicas: int = 2) -> Manifest:
    spec = {"replicas": replicas, "template": {"spec": {"containers": []}}}
    return manifest("Deployment", "apps/v1", name, spec=spec)


def route(first: int = 90) -> Manifest:
    backends = [{"name": "classifier-1-0", "port": 80, "weight": first}, {"name": "classifier-2-0", "port": 80}]
    spec = {"parentRefs": [{"name": "classifier"}], "rules": [{"name": "split", "backendRefs": backends}]}
    return manifest("HTTPRoute", "gateway.networking.k8s.io/v1", spec=spec)
