"""The stub API server under the real kubectl: objects, namespaces, selectors, what is recorded."""

import json

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.commands import apply, deployment, kubectl, manifest


def test_kubectl_finds_server_and_context_by_the_environment_alone(api: Api) -> None:
    assert json.loads(kubectl(api, "version", "-o", "json").stdout)["serverVersion"]["gitVersion"] == "v1.37.1"
    assert kubectl(api, "config", "current-context").stdout == "stub\n"


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [
        ("ConfigMap", "v1"),
        ("Service", "v1"),
        ("Deployment", "apps/v1"),
        ("PodDisruptionBudget", "policy/v1"),
        ("HorizontalPodAutoscaler", "autoscaling/v2"),
        ("ScaledObject", "keda.sh/v1alpha1"),
        ("HTTPRoute", "gateway.networking.k8s.io/v1"),
    ],
)
def test_what_is_applied_is_there_and_what_is_deleted_is_not(api: Api, kind: str, api_version: str) -> None:
    applied = manifest(kind, api_version, spec={}) if kind != "ConfigMap" else manifest(kind, api_version, data={})
    assert apply(api, applied).stdout.endswith("/classifier serverside-applied\n")
    assert json.loads(kubectl(api, "get", kind, "classifier", "-o", "json").stdout) == api.get(kind, "classifier")
    for _ in range(2):
        deleted = kubectl(api, "delete", "--ignore-not-found", "--wait=false", "-f", "-", manifests=[applied])
        assert deleted.returncode == 0
    assert "not found" in kubectl(api, "get", kind, "classifier").stderr


def test_an_apply_keeps_what_others_set_and_replaces_lists(api: Api) -> None:
    api.put(manifest("ConfigMap", "v1", data={"theirs": "1", "ours": "1"}))
    apply(api, manifest("ConfigMap", "v1", data={"ours": "2"}))
    assert api.get("ConfigMap", "classifier")["data"] == {"theirs": "1", "ours": "2"}


def test_requests_are_recorded_as_kubectl_sends_them(api: Api) -> None:
    apply(api, deployment())
    (request,) = api.changes
    assert (request.method, request.path) == ("PATCH", "/apis/apps/v1/namespaces/default/deployments/classifier")
    assert request.query["fieldManager"] == "deploy"
    assert request.content_type == "application/apply-patch+yaml"
    assert request.body["spec"] == deployment()["spec"]


def test_a_dry_run_answers_and_changes_nothing(api: Api) -> None:
    assert "serverside-applied (server dry run)" in apply(api, deployment(), words=("--dry-run=server",)).stdout
    assert "not found" in kubectl(api, "get", "deployment", "classifier").stderr


def test_a_namespace_has_to_be_there_before_what_is_in_it(api: Api) -> None:
    assert 'namespaces "elsewhere" not found' in apply(api, deployment(), words=("-n", "elsewhere")).stderr
    api.add_namespace("elsewhere")
    assert apply(api, deployment(), words=("-n", "elsewhere")).returncode == 0


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app.kubernetes.io/component=classifier", ["classifier-1-0", "classifier-2-0"]),
        ("app.kubernetes.io/component!=classifier", []),
        ("app.kubernetes.io/component in (classifier, other),!canary", ["classifier-1-0", "classifier-2-0"]),
        ("canary", []),
    ],
)
def test_lists_are_selected_by_label(api: Api, selector: str, names: list[str]) -> None:
    api.put(deployment("classifier-1-0"))
    api.put(deployment("classifier-2-0"))
    found = json.loads(kubectl(api, "get", "deployments", "-l", selector, "-o", "json").stdout)
    assert [each["metadata"]["name"] for each in found["items"]] == names


def test_kinds_of_a_group_that_is_not_installed_are_unknown(api: Api) -> None:
    api.uninstall("keda.sh")
    refused = apply(api, manifest("ScaledObject", "keda.sh/v1alpha1", spec={}))
    assert 'no matches for kind "ScaledObject" in version "keda.sh/v1alpha1"' in refused.stderr
