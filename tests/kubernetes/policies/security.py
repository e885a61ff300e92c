"""What a pod may do: the pod security standard `restricted`, and more than it asks for.

https://kubernetes.io/docs/concepts/security/pod-security-standards/, with what admission has added since: probes and
hooks without a host (1.34), and volumes of type image, which it allows from 1.33 on (kubernetes/kubernetes#130394).
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.kubernetes.built import Object, of_kind
from tests.kubernetes.policies.workloads import containers, every_container, pods

_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("image", "persistentVolumeClaim", "projected", "secret"),
}
_SECRET_NAME = re.compile(r"passw(or)?d|token|secret|api[-_]?key|credential|private[-_]?key", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
# `name = value` or `name: value`, as in the files that are in ConfigMaps.
_SETTING = re.compile(r"^\s*\"?(?P<name>[\w.-]+)\"?\s*[=:]\s*(?P<value>\S.*)$", re.MULTILINE)


def pod_that_is_not_restricted(objects: list[Object]) -> list[str]:
    return [f"{name}: {said}" for name, spec in pods(objects) for said in (*_pod(spec), *_volumes(spec))] + [
        f"{name}: {said}" for name, each in containers(objects) for said in (*_container(each), *_hosts(each))
    ]


def _pod(spec: Any) -> Iterator[str]:
    context = spec.get("securityContext", {})
    yield from (f"{field} is on" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "seccomp is not RuntimeDefault"
    yield from (f"sets {field}" for field in ("sysctls", "seLinuxOptions", "appArmorProfile") if field in context)


def _volumes(spec: Any) -> Iterator[str]:
    for each in spec.get("volumes", []):
        yield from (f"volume {each['name']} is a {kind}" for kind in set(each) - {"name"} - _VOLUMES)


def _container(each: Any) -> Iterator[str]:
    context = each.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "does not drop all capabilities, and add none"
    # Of our own; the standard does not ask for it.
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root"
    known = {"allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"}
    yield from (f"sets {field} apart from its pod" for field in set(context) - known)


def _hosts(each: Any) -> Iterator[str]:
    yield from (f"takes the host's port {port['hostPort']}" for port in each.get("ports", []) if "hostPort" in port)
    asked = [each.get(probe, {}) for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    hooks = list(each.get("lifecycle", {}).values())
    for kind in ("httpGet", "tcpSocket"):
        if any("host" in action.get(kind, {}) for action in asked + hooks):
            yield "a probe or hook names a host"


def pod_with_a_token_of_the_cluster(objects: list[Object]) -> list[str]:
    return [
        f"{name}: gets a token of a service account"
        for name, spec in pods(objects)
        if spec.get("automountServiceAccountToken") is not False
    ]


def namespace_that_does_not_enforce_it(objects: list[Object]) -> list[str]:
    return [
        f"namespace {each['metadata']['name']} takes pods that are not restricted"
        for each in of_kind(objects, "Namespace")
        if each["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted"
    ]


def secret_in_the_open(objects: list[Object]) -> list[str]:
    """A value that looks like a secret belongs into a Secret, which none of the manifests has."""
    said = [f"{each['metadata']['name']}: a Secret is committed" for each in of_kind(objects, "Secret")]
    values = [
        (f"{name}: {variable['name']}", f"{variable['name']}={variable['value']}")
        for name, spec in pods(objects)
        for each in every_container(spec)
        for variable in each.get("env", [])
        if "value" in variable
    ]
    for each in of_kind(objects, "ConfigMap"):
        # A setting is the map's own, or one of a file in it.
        values += [(f"{each['metadata']['name']}: {key}", text) for key, text in each.get("data", {}).items()]
        values += [
            (f"{each['metadata']['name']}: {key}", f"{key}={text}") for key, text in each.get("data", {}).items()
        ]
    for where, text in values:
        settings = _SETTING.finditer(text)
        said += [f"{where}: {one['name']} looks secret" for one in settings if _SECRET_NAME.search(one["name"])]
        said += [f"{where}: a private key"] * bool(_SECRET_VALUE.search(text))
    return said
