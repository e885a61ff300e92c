"""Names, labels and namespaces that Kubernetes takes, and the digest that a pod holds its archive against."""

import re
from collections import Counter

from tests.kubernetes.built import Object, of_kind
from tests.kubernetes.policies.workloads import every_container, pods

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
# Kinds whose names become parts of a host name, or of a pod's name.
_SHORT = {"Service": _SERVICE_NAME, "Namespace": _LABEL_NAME, "Deployment": _LABEL_NAME, "ScaledObject": _LABEL_NAME}
_CLUSTERS_OWN = {"Namespace", "GatewayClass"}


def name_that_is_not_valid(objects: list[Object]) -> list[str]:
    said = []
    for each in objects:
        kind, name = each["kind"], each["metadata"]["name"]
        longest = 63 if kind in _SHORT else 253
        if len(name) > longest or not _SHORT.get(kind, _SUBDOMAIN).fullmatch(name):
            said.append(f"{kind} {name}: no valid name")
    for name, spec in pods(objects):
        parts = [one["name"] for one in (*every_container(spec), *spec["volumes"])]
        parts += [port["name"] for one in every_container(spec) for port in one.get("ports", [])]
        said += [f"{name}: {one} is no valid name" for one in parts if len(one) > 63 or not _LABEL_NAME.fullmatch(one)]
    for each in of_kind(objects, "HTTPRoute"):
        names = [rule["name"] for rule in each["spec"]["rules"]]
        said += [f"HTTPRoute: {one} is no valid name" for one in names if not _SUBDOMAIN.fullmatch(one)]
        said += [f"HTTPRoute: two rules are called {one}" for one, count in Counter(names).items() if count > 1]
    return said


def label_that_is_not_valid(objects: list[Object]) -> list[str]:
    labelled = [(each["metadata"]["name"], each["metadata"].get("labels", {})) for each in objects]
    labelled += [
        (each["metadata"]["name"], each["spec"]["template"]["metadata"]["labels"])
        for each in of_kind(objects, "Deployment")
    ]
    return [
        f"{name}: {value} is no valid value of a label"
        for name, labels in labelled
        for value in labels.values()
        if len(value) > 63 or not _LABEL_VALUE.fullmatch(value)
    ]


def object_outside_the_namespace(objects: list[Object]) -> list[str]:
    """One namespace, made here; what belongs to the cluster is in none."""
    namespaces = [each["metadata"]["name"] for each in of_kind(objects, "Namespace")]
    said = [f"{len(namespaces)} namespaces are made"] * (len(namespaces) != 1)
    for each in objects:
        namespace = each["metadata"].get("namespace")
        wanted = [None] if each["kind"] in _CLUSTERS_OWN else namespaces
        if namespace not in wanted:
            said.append(f"{each['kind']} {each['metadata']['name']} is in the namespace {namespace}")
    return said


def object_that_is_there_twice(objects: list[Object]) -> list[str]:
    counts = Counter((each["kind"], each["metadata"]["name"]) for each in objects)
    return [f"{kind} {name} is there {count} times" for (kind, name), count in counts.items() if count > 1]


def version_without_a_digest(objects: list[Object]) -> list[str]:
    settings = {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "ConfigMap")}
    said = []
    for name, spec in pods(objects):
        sources = [one["configMapRef"]["name"] for each in every_container(spec) for one in each.get("envFrom", [])]
        digests = {settings.get(one, {}).get("ARCHIVE_SHA256", "") for one in sources}
        if len(digests) != 1 or not re.fullmatch(r"[0-9a-f]{64}", *digests):
            said.append(f"{name}: {sorted(digests)} is no SHA-256")
    return said
