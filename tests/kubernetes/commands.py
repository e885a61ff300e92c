"""The kubectl commands and the manifests of the tests beside this file."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.api import Api, Manifest

KUBECTL = Path(sys.executable).with_name("kubectl")
ROUTE = "/httproutes/classifier$"


def kubectl(api: Api, *words: str, manifests: list[Manifest] | None = None) -> subprocess.CompletedProcess[str]:
    given = yaml.safe_dump_all(manifests) if manifests else None
    return subprocess.run(
        [str(KUBECTL), *words],
        env=api.environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def apply(api: Api, *manifests: Manifest, words: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = ("apply", "--server-side", "--field-manager=deploy", *words, "-f", "-")
    return kubectl(api, *command, manifests=list(manifests))


def patch(api: Api, *operations: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return kubectl(api, "patch", "httproute", "classifier", "--type=json", "-p", json.dumps(operations), "-o", "json")


def manifest(kind: str, api_version: str, name: str = "classifier", **more: Any) -> Manifest:
    labels = {"app.kubernetes.io/component": "classifier"}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": labels}} | more


def deployment(name: str = "classifier", replicas: int = 2) -> Manifest:
    spec = {"replicas": replicas, "template": {"spec": {"containers": []}}}
    return manifest("Deployment", "apps/v1", name, spec=spec)


def route(first: int = 90) -> Manifest:
    backends = [{"name": "classifier-1-0", "port": 80, "weight": first}, {"name": "classifier-2-0", "port": 80}]
    spec = {"parentRefs": [{"name": "classifier"}], "rules": [{"name": "split", "backendRefs": backends}]}
    return manifest("HTTPRoute", "gateway.networking.k8s.io/v1", spec=spec)


def weight(value: int) -> dict[str, Any]:
    return {"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": value}


def expected(value: int) -> dict[str, Any]:
    return weight(value) | {"op": "test"}


def set_weight(value: int) -> Callable[[Manifest], None]:
    return lambda present: present["spec"]["rules"][0]["backendRefs"][0].update(weight=value)


def weight_of(present: Manifest) -> int:
    return int(present["spec"]["rules"][0]["backendRefs"][0]["weight"])
