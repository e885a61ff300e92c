"""The policies of references and names, each on manifests that are broken in one way."""

import pytest

from tests.kubernetes.built import named, of_kind
from tests.kubernetes.policies import Policy, naming, references
from tests.kubernetes.policies.broken import Break, container, deployment, drop, first, said, settings, spec

BROKEN: list[tuple[Policy, Break, str]] = [
    (
        references.object_that_is_not_there,
        lambda all: container(all, "edge")["envFrom"][0]["configMapRef"].update(name="settings"),
        "Deployment classifier-1-0 refers to ConfigMap settings",
    ),
    (
        references.object_that_is_not_there,
        lambda all: spec(all)["volumes"][0]["configMap"].update(name="files"),
        "refers to ConfigMap files",
    ),
    (
        references.object_that_is_not_there,
        lambda all: spec(all)["volumes"].append({"name": "key", "secret": {"secretName": "store"}}),
        "refers to Secret store",
    ),
    (references.object_that_is_not_there, lambda all: drop(all, "Service"), "refers to Service classifier-1-0"),
    (references.object_that_is_not_there, lambda all: drop(all, "Gateway"), "refers to Gateway classifier"),
    (references.object_that_is_not_there, lambda all: drop(all, "Deployment"), "refers to Deployment classifier-1-0"),
    (
        references.object_that_is_not_there,
        lambda all: first(all, "Gateway")["listeners"][0]["tls"]["certificateRefs"][0].update(name="tls"),
        "refers to Secret tls",
    ),
    (
        references.object_that_is_not_there,
        lambda all: first(all, "HTTPRoute")["rules"][2].update(
            filters=[{"requestMirror": {"backendRef": {"name": "classifier-3-0", "port": 80}}}]
        ),
        "refers to Service classifier-3-0",
    ),
    (
        references.config_map_that_nobody_reads,
        lambda all: named(all, "ConfigMap", "dashboard")["metadata"].pop("labels"),
        "ConfigMap dashboard is read by nobody",
    ),
    (
        references.port_that_is_not_there,
        lambda all: first(all, "Service")["ports"][0].update(targetPort=8001),
        "leads to port 8001 of no container",
    ),
    (
        references.port_that_is_not_there,
        lambda all: first(all, "HTTPRoute")["rules"][0]["backendRefs"][0].update(port=8000),
        "classifier-1-0 has no port 8000",
    ),
    (
        references.port_that_is_not_there,
        lambda all: first(all, "PodMonitor")["podMetricsEndpoints"][0].update(port="metrics"),
        "asks port metrics",
    ),
    (
        references.port_that_is_not_there,
        lambda all: first(all, "PodMonitor")["selector"]["matchLabels"].update({"app.kubernetes.io/version": "1.0"}),
        "looks at some pods only",
    ),
    (
        references.part_of_a_pod_that_is_not_there,
        lambda all: spec(all)["volumes"].pop(),
        "classifier-1-0/edge: no volume tmp",
    ),
    (
        references.part_of_a_pod_that_is_not_there,
        lambda all: spec(all)["volumes"].append({"name": "more", "emptyDir": {}}),
        "volume more is mounted nowhere",
    ),
    (
        references.part_of_a_pod_that_is_not_there,
        lambda all: settings(all).pop("ARCHIVE_SHA256"),
        "classifier-1-0/archive: no variable ARCHIVE_SHA256",
    ),
    (
        references.part_of_a_pod_that_is_not_there,
        lambda all: container(all, "torchserve")["env"][0].update(value="/etc/mobilenet/config"),
        "CONFIG is /etc/mobilenet/config, where no file is",
    ),
    (
        references.part_of_a_pod_that_is_not_there,
        lambda all: first(all, "HorizontalPodAutoscaler")["metrics"][0]["containerResource"].update(container="server"),
        "classifier-1-0 has no container server",
    ),
    *(
        (
            naming.name_that_is_not_valid,
            lambda all, kind=kind, name=name: of_kind(all, kind)[0]["metadata"].update(name=name),
            f"{kind} {name}: no valid name",
        )
        for kind, name in (
            ("Service", "classifier-1.0"),
            ("Service", "1-0"),
            ("Service", "c" * 64),
            ("ConfigMap", "files_1.0"),
            ("Deployment", "Classifier"),
        )
    ),
    (naming.name_that_is_not_valid, lambda all: container(all, "edge").update(name="the_edge"), "the_edge is no valid"),
    (
        naming.name_that_is_not_valid,
        lambda all: first(all, "HTTPRoute")["rules"][0].update(name="pin-2-0"),
        "two rules are called pin-2-0",
    ),
    (
        naming.label_that_is_not_valid,
        lambda all: deployment(all)["metadata"]["labels"].update(version="2.0-"),
        "2.0- is no valid value of a label",
    ),
    (
        naming.object_outside_the_namespace,
        lambda all: deployment(all)["metadata"].update(namespace="default"),
        "Deployment classifier-1-0 is in the namespace default",
    ),
    (naming.object_outside_the_namespace, lambda all: drop(all, "Namespace"), "0 namespaces are made"),
    (
        naming.object_outside_the_namespace,
        lambda all: all[0]["metadata"].update(namespace="mobilenet-v3"),
        "Namespace mobilenet-v3 is in the namespace",
    ),
    (naming.object_that_is_there_twice, lambda all: all.append(all[0]), "Namespace mobilenet-v3 is there 2 times"),
    *(
        (
            naming.version_without_a_digest,
            lambda all, digest=digest: settings(all).update(ARCHIVE_SHA256=digest),
            "no SHA",
        )
        for digest in ("", "0" * 63, "G" * 64)
    ),
]


@pytest.mark.parametrize(("policy", "broken", "sentence"), BROKEN)
def test_an_object_that_breaks_a_policy_is_named(policy: Policy, broken: Break, sentence: str) -> None:
    assert sentence in said(policy, broken)[0]
