"""The stub of the API server under the real kubectl, asked as the verbs ask it."""

import pytest

from scripts.errors import UserError
from scripts.kubernetes.kubectl import Kubectl
from tests.kubernetes.api import Api, Manifest
from tests.kubernetes.api.api import NAMESPACE
from tests.kubernetes.examples import deployment, manifest, route

pytestmark = pytest.mark.operations

ROUTE = "/httproutes/classifier$"
WEIGHT = "/spec/rules/0/backendRefs/0/weight"


def patch(kubectl: Kubectl, weight: int, expected: int | None = None) -> Manifest:
    test = [] if expected is None else [{"op": "test", "path": WEIGHT, "value": expected}]
    return kubectl.patch("httproute", "classifier", [*test, {"op": "replace", "path": WEIGHT, "value": weight}])


def set_weight(present: Manifest, value: int) -> None:
    present["spec"]["rules"][0]["backendRefs"][0]["weight"] = value


def weight(api: Api) -> int:
    return int(api.get("HTTPRoute", "classifier")["spec"]["rules"][0]["backendRefs"][0]["weight"])


def conditions(present: Manifest) -> dict[str, tuple[str, str]]:
    (parent,) = present["status"]["parents"]
    return {each["type"]: (each["status"], each["reason"]) for each in parent["conditions"]}


def test_what_is_applied_is_there_and_what_is_deleted_is_not(api: Api, kubectl: Kubectl) -> None:
    applied = [
        manifest("ConfigMap", "v1", data={}),
        manifest("Service", "v1", spec={}),
        manifest("PodDisruptionBudget", "policy/v1", spec={}),
        manifest("HorizontalPodAutoscaler", "autoscaling/v2", spec={}),
        deployment(),
    ]
    assert kubectl.absent(applied) == applied
    kubectl.apply(applied)
    assert kubectl.absent(applied) == []
    for each in applied:
        assert kubectl.get(each["kind"], "classifier") == api.get(each["kind"], "classifier")
    for _ in range(2):
        kubectl.delete(applied)
    assert kubectl.absent(applied) == applied
    assert kubectl.get("deployment", "classifier") is None


def test_an_apply_keeps_what_others_set_and_replaces_lists(api: Api, kubectl: Kubectl) -> None:
    api.put(manifest("HTTPRoute", "gateway.networking.k8s.io/v1", spec={"hostnames": ["theirs"]}))
    kubectl.apply([route()])
    kubectl.apply([route(80)])
    assert api.get("HTTPRoute", "classifier")["spec"]["hostnames"] == ["theirs"]
    assert weight(api) == 80


def test_requests_are_recorded_as_kubectl_sends_them(api: Api, kubectl: Kubectl) -> None:
    kubectl.apply([deployment()])
    (request,) = api.changes
    assert (request.method, request.path) == ("PATCH", "/apis/apps/v1/namespaces/default/deployments/classifier")
    assert request.query["fieldManager"] == "mobilenet-v3"
    assert request.content_type == "application/apply-patch+yaml"
    assert request.body["spec"] == deployment()["spec"]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app.kubernetes.io/component=classifier", ["classifier-1-0", "classifier-2-0"]),
        ("app.kubernetes.io/component=classifier,app.kubernetes.io/version=2.0", ["classifier-2-0"]),
        ("app.kubernetes.io/component=other", []),
    ],
)
def test_lists_are_selected_by_label(api: Api, kubectl: Kubectl, selector: str, names: list[str]) -> None:
    newer = deployment("classifier-2-0")
    newer["metadata"]["labels"]["app.kubernetes.io/version"] = "2.0"
    api.put(newer)
    api.put(deployment("classifier-1-0"))
    assert [each["metadata"]["name"] for each in kubectl.select("deployment", selector)] == names


def test_a_patch_moves_the_generation_and_the_status_follows(api: Api, kubectl: Kubectl) -> None:
    before = api.put(route())
    answered = patch(kubectl, 80, expected=90)
    after = api.get("HTTPRoute", "classifier")
    assert weight(api) == 80
    assert answered["spec"] == after["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    # As on a cluster, the answer goes out before the controller has seen the change.
    assert answered["status"] == before["status"]
    assert after["status"]["parents"][0]["conditions"][0]["observedGeneration"] == 2


def test_what_changes_nothing_does_not_move_the_generation(api: Api, kubectl: Kubectl) -> None:
    before = api.put(route())
    patch(kubectl, 90)
    assert api.get("HTTPRoute", "classifier") == before


def test_a_change_behind_the_callers_back_makes_the_patchs_test_fail(api: Api, kubectl: Kubectl) -> None:
    api.put(route())
    api.before("PATCH", ROUTE, lambda: api.edit("HTTPRoute", "classifier", lambda present: set_weight(present, 70)))
    with pytest.raises(UserError, match="The request is invalid: the server rejected our request due to an error"):
        patch(kubectl, 80, expected=90)
    assert weight(api) == 70


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (403, r"Error from server \(Forbidden\): because"),
        (409, r"Error from server \(Conflict\): because"),
        (422, r"The request is invalid: because"),
        (500, r"Error from server \(InternalError\): because"),
        (503, r"Error from server \(ServiceUnavailable\): because"),
    ],
)
def test_the_next_request_fails_on_demand_and_the_one_after_does_not(
    api: Api, kubectl: Kubectl, code: int, said: str
) -> None:
    api.put(route())
    api.fail("PATCH", ROUTE, code, "because")
    with pytest.raises(UserError, match=said):
        patch(kubectl, 80)
    patch(kubectl, 80)


def test_a_closed_connection_changes_nothing_and_a_lost_answer_does(api: Api, kubectl: Kubectl) -> None:
    api.put(route())
    api.close("PATCH", ROUTE)
    with pytest.raises(UserError, match="EOF"):
        patch(kubectl, 80)
    assert weight(api) == 90
    api.lose_answer("PATCH", ROUTE)
    with pytest.raises(UserError, match="EOF"):
        patch(kubectl, 80)
    assert weight(api) == 80


def test_a_field_of_another_manager_stops_an_apply_of_one_object(api: Api, kubectl: Kubectl) -> None:
    api.conflict("/deployments/classifier-1-0$", ".spec.replicas", "kube-controller-manager")
    both = [deployment("classifier-1-0"), deployment("classifier-2-0")]
    with pytest.raises(UserError, match=r'conflict with "kube-controller-manager" using apps/v1: \.spec\.replicas'):
        kubectl.apply(both)
    assert kubectl.absent(both) == both[:1]


def test_a_deployment_comes_up_at_once_or_when_it_is_released_or_never(api: Api) -> None:
    def available(name: str) -> int:
        return int(api.get("Deployment", name)["status"]["availableReplicas"])

    api.put(deployment("first"))
    api.hold_deployments()
    api.put(deployment("second"))
    assert (available("first"), available("second")) == (2, 0)
    api.release_deployments()
    assert available("second") == 2
    api.fail_deployments()
    failed = api.put(deployment("third"))
    assert (available("first"), available("second"), available("third")) == (2, 2, 0)
    assert failed["status"]["conditions"][0]["reason"] == "ProgressDeadlineExceeded"


def test_the_gateway_accepts_rejects_or_ignores_a_route(api: Api) -> None:
    accepted = {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("True", "ResolvedRefs")}
    assert conditions(api.put(route())) == accepted
    api.reject_routes("BackendNotFound", condition="ResolvedRefs")
    rejected = api.put(route(80))
    assert conditions(rejected)["ResolvedRefs"] == ("False", "BackendNotFound")
    api.ignore_routes()
    assert api.put(route(70))["status"] == rejected["status"]
    api.accept_routes()
    assert conditions(api.get("HTTPRoute", "classifier")) == accepted
    api.ignore_routes()
    api.delete("HTTPRoute", "classifier")
    assert "status" not in api.put(route())


def test_what_a_test_puts_there_is_left_as_it_is(api: Api) -> None:
    pod = manifest("Pod", "v1", "classifier-1-0-abcde", status={"phase": "Running"})
    found = api.put(pod)
    assert (found["status"], found["metadata"]["namespace"]) == ({"phase": "Running"}, NAMESPACE)
    assert "namespace" not in pod["metadata"]
