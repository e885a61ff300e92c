"""All that `make kubernetes` writes below deploy/kubernetes, as texts by path."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from scripts.kubernetes import components, names, route
from scripts.kubernetes.components import COMPONENT
from scripts.kubernetes.version import Version, files
from scripts.kubernetes.yaml_text import dump
from scripts.serving.installation import Installation

GENERATED = "generated"


def render(wanted: Installation, digests: Mapping[str, str]) -> dict[str, str]:
    """Return the generated files.

    Args:
        wanted: the operator's files.
        digests: SHA-256 of the archive, by version, for all of traffic.yaml's.

    Raises:
        UserError: two versions have one name on Kubernetes, or there are too many for one route.
    """
    versions = wanted.traffic.versions
    names.require_distinct(versions)
    parts = {
        "base": _base(wanted, digests),
        "components/shadow": _shadow(wanted, digests),
        "components/keda": {"scaledobjects.yaml": _documents(map(components.scaled_object, versions))},
        "components/monitoring": {
            "prometheusrule.yaml": _documents(components.prometheus_rules(versions)),
            f"{names.APP}.json": components.dashboard(),
        },
        "components/image-volumes": {"kustomization.yaml": dump(components.image_volumes(versions))},
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
        **COMPONENT,
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


def _documents(contents: Iterator[dict[str, Any]]) -> str:
    return "---\n".join(dump(content) for content in contents)
