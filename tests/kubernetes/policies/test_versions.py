"""The policies of versions and of the network, each on manifests that are broken in one way."""

import copy
from typing import Any

import pytest

from tests.kubernetes.built import Object, of_kind
from tests.kubernetes.policies import Policy, network, versions
from tests.kubernetes.policies.broken import Break, container, deployment, drop, first, policy, said, spec

VERSION = "app.kubernetes.io/version"


def again(objects: list[Object], kind: str) -> Any:
    """Put another object like the first of its kind, and return it."""
    other = copy.deepcopy(of_kind(objects, kind)[0])
    other["metadata"]["name"] = "other"
    objects.append(other)
    return other


def edge_rule(objects: list[Object]) -> Any:
    return policy(objects, "classifier")["ingress"][0]


def leave_open(objects: list[Object]) -> None:
    """Make every policy one of ways out."""
    for each in of_kind(objects, "NetworkPolicy"):
        each["spec"].update(policyTypes=["Egress"])


BROKEN: list[tuple[Policy, Break, str]] = [
    (
        versions.deployment_that_selects_other_pods,
        lambda all: deployment(all)["spec"]["selector"]["matchLabels"].pop(VERSION),
        "selects the pods of ['classifier-1-0', 'classifier-2-0']",
    ),
    (
        versions.version_without_a_service_of_its_own,
        lambda all: first(all, "Service")["selector"].pop(VERSION),
        "Service classifier-1-0 selects the pods of",
    ),
    (versions.version_without_a_service_of_its_own, lambda all: drop(all, "Service"), "has [] and not one Service"),
    (versions.version_without_a_service_of_its_own, lambda all: again(all, "Service"), "and not one Service"),
    (
        versions.version_without_a_budget_of_its_own,
        lambda all: first(all, "PodDisruptionBudget")["selector"].update(matchLabels={VERSION: "9.9"}),
        "PodDisruptionBudget classifier-1-0 selects the pods of []",
    ),
    (
        versions.version_without_a_budget_of_its_own,
        lambda all: drop(all, "PodDisruptionBudget"),
        "has [] and not one PodDisruptionBudget",
    ),
    (
        versions.version_without_one_autoscaler,
        lambda all: drop(all, "HorizontalPodAutoscaler"),
        "classifier-1-0 has 0 autoscalers",
    ),
    (
        versions.version_without_one_autoscaler,
        lambda all: again(all, "HorizontalPodAutoscaler").update(kind="ScaledObject"),
        "classifier-1-0 has 2 autoscalers",
    ),
    (versions.version_without_one_autoscaler, lambda all: deployment(all)["spec"].update(replicas=2), "sets replicas"),
    (
        versions.version_that_does_not_spread,
        lambda all: spec(all)["topologySpreadConstraints"].pop(),
        "classifier-1-0 does not spread over kubernetes.io/hostname",
    ),
    (
        versions.version_that_does_not_spread,
        lambda all: spec(all)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].pop(VERSION),
        "classifier-1-0 spreads by the pods of classifier-2-0",
    ),
    (
        versions.pod_that_ends_before_its_requests,
        lambda all: container(all, "torchserve").pop("lifecycle"),
        "no container drains",
    ),
    (
        versions.pod_that_ends_before_its_requests,
        lambda all: spec(all).update(terminationGracePeriodSeconds=45),
        "has 45 s to end and may need",
    ),
    (
        versions.pod_that_ends_before_its_requests,
        lambda all: spec(all).pop("terminationGracePeriodSeconds"),
        "has 30 s",
    ),
    (network.way_in_that_is_not_wanted, lambda all: edge_rule(all).pop("ports"), "may reach every port"),
    (network.way_in_that_is_not_wanted, lambda all: edge_rule(all).pop("from"), "anybody may reach 8000"),
    (network.way_in_that_is_not_wanted, lambda all: edge_rule(all)["from"][0].pop("podSelector"), "may reach 8000"),
    (network.way_in_that_is_not_wanted, lambda all: edge_rule(all)["ports"][0].update(port=9102), "may reach 9102"),
    (
        network.way_in_that_is_not_wanted,
        lambda all: edge_rule(all)["ports"][0].update(endPort=9000),
        "may reach 8000-9000",
    ),
    (network.way_in_that_is_not_wanted, lambda all: policy(all, "classifier").update(ingress=[]), "can't reach 8000"),
    (network.way_in_that_is_not_wanted, lambda all: drop(all, "PodMonitor"), "may reach 9102"),
    (
        network.way_in_that_is_not_wanted,
        leave_open,
        "no policy closes its Ingress",
    ),
    (
        network.way_out_that_is_not_needed,
        lambda all: policy(all, "archive-store")["egress"][1].pop("ports"),
        "may reach anybody at every port",
    ),
    (
        network.way_out_that_is_not_needed,
        lambda all: container(all, "archive")["env"][0].update(value="/srv/mobilenet/model_store"),
        "may reach",
    ),
    (
        network.way_out_that_is_not_needed,
        lambda all: policy(all, "archive-store")["egress"].pop(),
        "can't reach its store",
    ),
    *(
        (
            network.private_port_in_sight,
            lambda all, port=port: container(all, "torchserve").update(ports=[{"containerPort": port}]),
            f"classifier-1-0/torchserve: declares {port}",
        )
        for port in (8080, 8081, 8082, 7070, 7071, 9901)
    ),
    (
        network.private_port_in_sight,
        lambda all: first(all, "Service")["ports"][0].update(targetPort=8081),
        "Service classifier-1-0: leads to 8081",
    ),
    (
        network.private_port_in_sight,
        lambda all: edge_rule(all)["ports"].append({"port": 8000, "endPort": 8080}),
        "NetworkPolicy classifier: opens 8080",
    ),
    (network.private_port_in_sight, lambda all: edge_rule(all).pop("ports"), "NetworkPolicy classifier: opens 7070"),
]


@pytest.mark.parametrize(("policy", "broken", "sentence"), BROKEN)
def test_a_version_that_breaks_a_policy_is_named(policy: Policy, broken: Break, sentence: str) -> None:
    assert sentence in said(policy, broken)[0]


def test_the_private_ports_are_those_of_the_pods_own_files() -> None:
    """Not those of a laptop where somebody has moved them."""
    assert {8080, 8081, 8082, 7070, 7071, 9901} == network.PRIVATE
