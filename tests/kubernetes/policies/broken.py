"""Manifests that are broken in one way, and the parts of them that a test breaks."""

from collections.abc import Callable
from typing import Any

from tests.kubernetes import built
from tests.kubernetes.built import Object, named, of_kind
from tests.kubernetes.policies import Policy
from tests.kubernetes.policies.workloads import deployments, every_container, pod

Break = Callable[[list[Object]], object]


def said(policy: Policy, broken: Break, overlay: str = "staging") -> list[str]:
    """Return what a policy says of an overlay once it is broken; it says nothing before."""
    objects = built.overlay(overlay)
    assert policy(objects) == []
    broken(objects)
    return policy(objects)


def deployment(objects: list[Object]) -> Any:
    """Return the first version's."""
    return deployments(objects)[0]


def spec(objects: list[Object]) -> Any:
    """Return the pod of the first version."""
    return pod(deployment(objects))


def container(objects: list[Object], name: str) -> Any:
    """Return a container of the first version's pod, sidecars and init containers included."""
    [found] = [each for each in every_container(spec(objects)) if each["name"] == name]
    return found


def first(objects: list[Object], kind: str) -> Any:
    """Return the spec of the first object of a kind."""
    return of_kind(objects, kind)[0]["spec"]


def policy(objects: list[Object], name: str) -> Any:
    """Return the spec of a NetworkPolicy."""
    return named(objects, "NetworkPolicy", name)["spec"]


def settings(objects: list[Object]) -> Any:
    """Return the data of the first version's settings."""
    return next(each["data"] for each in of_kind(objects, "ConfigMap") if "ARCHIVE_NAME" in each["data"])


def drop(objects: list[Object], kind: str) -> None:
    """Take out the first object of a kind."""
    objects.remove(of_kind(objects, kind)[0])
