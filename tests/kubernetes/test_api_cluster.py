"""The controllers of the stub API server: rollouts and a gateway that do what a test wants."""

import json
import threading

from tests.kubernetes.api import Api, Manifest
from tests.kubernetes.commands import apply, deployment, kubectl, manifest, route


def conditions(present: Manifest) -> dict[str, tuple[str, str]]:
    (parent,) = present["status"]["parents"]
    return {each["type"]: (each["status"], each["reason"]) for each in parent["conditions"]}


def test_a_rollout_is_complete_at_once_unless_a_test_says_otherwise(api: Api) -> None:
    apply(api, deployment())
    assert "successfully rolled out" in kubectl(api, "rollout", "status", "deployment/classifier").stdout


def test_a_held_rollout_waits_until_it_is_released(api: Api) -> None:
    api.hold_deployments()
    apply(api, deployment())
    status = ("rollout", "status", "deployment/classifier")
    assert "timed out waiting" in kubectl(api, *status, "--timeout=300ms").stderr
    api.before("GET", "/deployments$", lambda: threading.Timer(0.5, api.release_deployments).start())
    watched = kubectl(api, *status, "--timeout=10s").stdout
    assert "0 of 2 updated replicas are available" in watched
    assert "successfully rolled out" in watched


def test_the_pods_before_go_on_serving_while_a_rollout_fails(api: Api) -> None:
    api.put(deployment())
    api.fail_deployments("ImagePullBackOff")
    apply(api, deployment(replicas=3))
    refused = kubectl(api, "rollout", "status", "deployment/classifier", "--timeout=10s")
    assert "exceeded its progress deadline" in refused.stderr
    status = api.get("Deployment", "classifier")["status"]
    assert (status["availableReplicas"], status["conditions"][1]["message"]) == (2, "ImagePullBackOff")


def test_a_status_can_be_set_and_watched(api: Api) -> None:
    api.put(deployment())
    api.set_status("Deployment", "classifier", {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1})
    status = kubectl(api, "rollout", "status", "deployment/classifier", "--timeout=300ms")
    assert "1 out of 2 new replicas have been updated" in status.stdout


def test_pods_are_those_that_a_test_puts_there(api: Api) -> None:
    pod = manifest("Pod", "v1", "classifier-1-0-abcde", spec={"containers": []}, status={"phase": "Running"})
    api.put(pod)
    listed = kubectl(api, "get", "pods", "-l", "app.kubernetes.io/component=classifier", "-o", "json")
    (found,) = json.loads(listed.stdout)["items"]
    assert found == api.get("Pod", "classifier-1-0-abcde")
    assert "namespace" not in pod["metadata"], "what a test passes in is left as it is"


def test_the_gateway_accepts_rejects_or_ignores_a_route(api: Api) -> None:
    assert conditions(api.put(route())) == {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("True", "ResolvedRefs")}
    api.reject_routes("BackendNotFound", condition="ResolvedRefs")
    rejected = api.put(route(80))
    assert conditions(rejected)["ResolvedRefs"] == ("False", "BackendNotFound")
    api.ignore_routes()
    assert api.put(route(70))["status"] == rejected["status"]
    api.delete("HTTPRoute", "classifier")
    assert "status" not in api.put(route())
