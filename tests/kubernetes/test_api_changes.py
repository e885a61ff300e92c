"""How the stub API server patches a route, and what it says when it refuses to."""

import json
import re

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.commands import ROUTE, apply, deployment, expected, patch, route, set_weight, weight, weight_of


def test_a_patch_moves_generation_and_version_and_the_status_follows(api: Api) -> None:
    before = api.put(route())
    answered = json.loads(patch(api, expected(90), weight(80)).stdout)
    after = api.get("HTTPRoute", "classifier")
    assert weight_of(answered) == weight_of(after) == 80
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    # As on a cluster, the answer goes out before the controller has seen the change.
    assert answered["status"] == before["status"]
    assert after["status"]["parents"][0]["conditions"][0]["observedGeneration"] == 2


def test_what_changes_nothing_moves_neither_generation_nor_version(api: Api) -> None:
    before = api.put(route())
    assert patch(api, weight(90)).returncode == 0
    assert api.get("HTTPRoute", "classifier") == before


def test_a_test_that_fails_is_refused_in_the_servers_words(api: Api) -> None:
    api.put(route())
    refused = patch(api, expected(50), weight(80))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "The request is invalid: the server rejected our request due to an error in our request"
    )
    assert weight_of(api.get("HTTPRoute", "classifier")) == 90


def test_a_change_behind_the_callers_back_makes_the_test_fail(api: Api) -> None:
    api.put(route())
    api.before("PATCH", ROUTE, lambda: api.edit("HTTPRoute", "classifier", set_weight(70)))
    assert "the server rejected our request" in patch(api, expected(90), weight(80)).stderr
    assert weight_of(api.get("HTTPRoute", "classifier")) == 70


def test_a_patch_of_an_older_version_conflicts(api: Api) -> None:
    api.put(route())
    older = {"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}
    assert "Error from server (Conflict): Operation cannot be fulfilled" in patch(api, older, weight(80)).stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (403, r"Error from server \(Forbidden\): .* cannot patch resource \"httproutes\" in API group"),
        (409, r"Error from server \(Conflict\): .* the object has been modified"),
        (422, r"The HTTPRoute \"classifier\" is invalid: spec: Invalid value"),
        (500, r"Error from server \(InternalError\): Internal error occurred"),
        (503, r"Error from server \(ServiceUnavailable\): the server is currently unable"),
    ],
)
def test_the_next_request_fails_on_demand_and_the_one_after_does_not(api: Api, code: int, said: str) -> None:
    api.put(route())
    api.fail("PATCH", ROUTE, code)
    assert re.match(said, patch(api, weight(80)).stderr)
    assert patch(api, weight(80)).returncode == 0


def test_a_closed_connection_changes_nothing_and_a_lost_answer_does(api: Api) -> None:
    api.put(route())
    api.close("PATCH", ROUTE)
    assert "EOF" in patch(api, weight(80)).stderr
    assert weight_of(api.get("HTTPRoute", "classifier")) == 90
    api.lose_answer("PATCH", ROUTE)
    assert "EOF" in patch(api, weight(80)).stderr
    assert weight_of(api.get("HTTPRoute", "classifier")) == 80


def test_a_field_of_another_manager_stops_an_apply_of_one_object(api: Api) -> None:
    api.conflict("/deployments/classifier-1-0$", ".spec.replicas", "kube-controller-manager")
    refused = apply(api, deployment("classifier-1-0"), deployment("classifier-2-0"))
    assert 'conflict with "kube-controller-manager" using apps/v1: .spec.replicas' in refused.stderr
    assert refused.stdout == "deployment.apps/classifier-2-0 serverside-applied\n"
