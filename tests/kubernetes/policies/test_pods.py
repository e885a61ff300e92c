"""The policies of pods, each on manifests that are broken in one way."""

import pytest

from tests.kubernetes.policies import Policy, pods, security
from tests.kubernetes.policies.broken import Break, container, said, settings, spec

LIMITS = {"cpu": "1", "memory": "1Gi"}

BROKEN: list[tuple[Policy, Break, str]] = [
    *(
        (pods.image_without_a_tag, lambda all, image=image: container(all, "archive").update(image=image), "no tag")
        for image in ("mobilenet", "mobilenet:latest", "registry.example.com:5000/mobilenet")
    ),
    (
        pods.image_without_a_tag,
        lambda all: spec(all)["volumes"].append({"name": "artifact", "image": {"reference": "archives"}}),
        "classifier-1-0, volume artifact: archives has no tag",
    ),
    *(
        (
            pods.container_without_resources,
            lambda all, name=name: container(all, name)["resources"].update(limits={"memory": "1Gi"}),
            f"classifier-1-0/{name}: no limits for cpu",
        )
        for name in ("edge", "archive", "torchserve")
    ),
    (
        pods.container_without_resources,
        lambda all: container(all, "torchserve").update(resources={"limits": LIMITS}),
        "no requests for cpu",
    ),
    *(
        (
            pods.pod_without_probes,
            lambda all, name=name: container(all, name).pop("livenessProbe"),
            f"classifier-1-0/{name}: no livenessProbe",
        )
        for name in ("edge", "torchserve")
    ),
    (pods.pod_without_probes, lambda all: container(all, "torchserve").pop("readinessProbe"), "has a readinessProbe"),
    *(
        (
            pods.edge_without_room_above_its_bound,
            lambda all, limit=limit: container(all, "edge")["resources"]["limits"].update(memory=limit),
            f"classifier-1-0/edge: is ended at {limit} and may take 712000000 bytes",
        )
        for limit in ("512Mi", "650M")
    ),
    (
        pods.edge_that_is_not_a_sidecar_from_the_first,
        lambda all: spec(all)["initContainers"].reverse(),
        "begins with archive",
    ),
    (
        pods.edge_that_is_not_a_sidecar_from_the_first,
        lambda all: container(all, "edge").pop("restartPolicy"),
        "not the edge as a sidecar",
    ),
    # `http` is a port of the edge's container.
    *(
        (
            pods.probe_of_no_port,
            lambda all, port=port: container(all, "torchserve")["readinessProbe"]["httpGet"].update(port=port),
            f"readinessProbe asks port {port}, which is not there",
        )
        for port in ("http", 8080)
    ),
    (security.pod_that_is_not_restricted, lambda all: spec(all).update(hostNetwork=True), "hostNetwork is on"),
    (security.pod_that_is_not_restricted, lambda all: spec(all).update(hostPID=True), "hostPID is on"),
    *(
        (
            security.pod_that_is_not_restricted,
            lambda all, context=context: spec(all)["securityContext"].update(context),
            "may run as root",
        )
        for context in ({"runAsNonRoot": False}, {"runAsUser": 0})
    ),
    (
        security.pod_that_is_not_restricted,
        lambda all: spec(all)["securityContext"].update(seccompProfile={"type": "Unconfined"}),
        "seccomp is not RuntimeDefault",
    ),
    (
        security.pod_that_is_not_restricted,
        lambda all: spec(all)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        "volume host is a hostPath",
    ),
    *(
        (
            security.pod_that_is_not_restricted,
            lambda all, name=name, context=context: container(all, name)["securityContext"].update(context),
            f"classifier-1-0/{name}: {sentence}",
        )
        for name, context, sentence in (
            ("archive", {"allowPrivilegeEscalation": True}, "may gain privileges"),
            ("edge", {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, "does not drop all"),
            ("torchserve", {"readOnlyRootFilesystem": False}, "may write to its root"),
            ("torchserve", {"privileged": True}, "sets privileged"),
            ("edge", {"runAsUser": 0}, "sets runAsUser"),
        )
    ),
    (
        security.pod_that_is_not_restricted,
        lambda all: container(all, "edge")["ports"][0].update(hostPort=8000),
        "takes the host's port 8000",
    ),
    (
        security.pod_that_is_not_restricted,
        lambda all: container(all, "edge")["livenessProbe"]["httpGet"].update(host="10.0.0.1"),
        "names a host",
    ),
    (
        security.pod_with_a_token_of_the_cluster,
        lambda all: spec(all).pop("automountServiceAccountToken"),
        "classifier-1-0: gets a token",
    ),
    (
        security.namespace_that_does_not_enforce_it,
        lambda all: all[0]["metadata"].pop("labels"),
        "namespace mobilenet-v3 takes pods",
    ),
    (
        security.secret_in_the_open,
        lambda all: container(all, "archive")["env"].append({"name": "STORE_TOKEN", "value": "x"}),
        "STORE_TOKEN looks secret",
    ),
    *(
        (security.secret_in_the_open, lambda all, name=name: settings(all).update({name: "x"}), f"{name} looks secret")
        for name in ("DB_PASSWORD", "api-key", "apiKey", "CLIENT_SECRET")
    ),
    (
        security.secret_in_the_open,
        lambda all: settings(all).update({"file": "store: s3\npassword: x\n"}),
        "password looks secret",
    ),
    (
        security.secret_in_the_open,
        lambda all: settings(all).update({"file": "-----BEGIN EC PRIVATE KEY-----\n"}),
        "a private key",
    ),
    (
        security.secret_in_the_open,
        lambda all: all.append({"kind": "Secret", "metadata": {"name": "api-keys"}}),
        "api-keys: a Secret is committed",
    ),
]


@pytest.mark.parametrize(("policy", "broken", "sentence"), BROKEN)
def test_a_pod_that_breaks_a_policy_is_named(policy: Policy, broken: Break, sentence: str) -> None:
    assert sentence in said(policy, broken)[0]
