"""KEDA's, the Prometheus Operator's and Envoy Gateway's kinds against typed models, strictly."""

from collections.abc import Callable

import pytest

from tests.kubernetes import built, custom, test_core, test_gateway_api
from tests.kubernetes.built import Object


def test_every_object_is_one_that_its_controller_takes(overlay: list[Object]) -> None:
    assert [said for each in built.of_kind(overlay, *custom.MODELS) for said in custom.wrong(each)] == []


def test_every_kind_is_held_against_a_schema_by_one_of_these_tests(overlay: list[Object]) -> None:
    known = {*test_core.KINDS, *test_gateway_api.FILES, *custom.MODELS}
    assert {each["kind"] for each in overlay} - known == set()


def test_no_model_is_there_for_nothing() -> None:
    found = {each["kind"] for name in built.OVERLAYS for each in built.overlay(name)}
    assert set(custom.MODELS) - found == set()


def scaler(each: Object) -> Object:
    trigger: Object = each["spec"]["triggers"][0]
    return trigger


@pytest.mark.parametrize(
    ("kind", "broken", "sentence"),
    [
        ("ScaledObject", lambda each: each["spec"].update(minReplicas=2), "spec.minReplicas: 2 is read as None"),
        ("ScaledObject", lambda each: each["spec"].update(pollingInterval="15"), "'15' is read as 15"),
        ("ScaledObject", lambda each: each["spec"]["fallback"].update(behavior="higher"), "spec.fallback.behavior"),
        ("ScaledObject", lambda each: each["spec"].pop("scaleTargetRef"), "scaleTargetRef: Field required"),
        (
            "ScaledObject",
            lambda each: scaler(each)["metadata"].update(threshold=4),
            "threshold: Input should be a valid",
        ),
        ("PodMonitor", lambda each: each["spec"].update(endpoints=[]), "spec.endpoints"),
        ("PodMonitor", lambda each: each["spec"].pop("selector"), "spec.selector: Field required"),
        ("PodMonitor", lambda each: each["spec"]["podMetricsEndpoints"][0].update(interval=30), "interval"),
        (
            "PodMonitor",
            lambda each: each["spec"]["podMetricsEndpoints"][0]["relabelings"][0].update(action="rename"),
            "action",
        ),
        ("PrometheusRule", lambda each: each["spec"]["groups"][0].update(rule=[]), "spec.groups[0].rule: [] is read"),
        ("PrometheusRule", lambda each: each["spec"]["groups"][0]["rules"][0].update(labels=["a"]), "labels"),
        ("PrometheusRule", lambda each: each["spec"]["groups"][0]["rules"][0].update({"for": "1 minute"}), "for"),
        ("SecurityPolicy", lambda each: each["spec"].update(apiKeys={}), "spec.apiKeys: Extra inputs"),
        (
            "SecurityPolicy",
            lambda each: each["spec"]["apiKeyAuth"]["extractFrom"][0].update(params=["key"]),
            "exactly one of headers, params and cookies",
        ),
        (
            "SecurityPolicy",
            lambda each: each["spec"]["apiKeyAuth"].update(sanitize="true"),
            "sanitize: Input should be",
        ),
        (
            "BackendTrafficPolicy",
            lambda each: each["spec"]["rateLimit"]["local"]["rules"][0]["limit"].update(unit="second"),
            "unit: Input should be 'Second'",
        ),
        (
            "BackendTrafficPolicy",
            lambda each: each["spec"]["rateLimit"]["local"]["rules"][0]["clientSelectors"][0]["headers"][0].update(
                type="Exact"
            ),
            "a value, but for Distinct",
        ),
        (
            "ClientTrafficPolicy",
            lambda each: each["spec"]["connection"]["connectionLimit"].update(value=0),
            "value: Input should be greater than or equal to 1",
        ),
        ("ClientTrafficPolicy", lambda each: each["spec"]["timeout"]["http"].update(idleTimeout="600"), "idleTimeout"),
        ("ClientTrafficPolicy", lambda each: each["spec"]["headers"].update(requestID="Keep"), "requestID"),
        ("GatewayClass", lambda each: each["spec"].update(controllerName="eg"), "controllerName"),
    ],
)
def test_an_object_that_is_broken_in_one_way_is_refused_with_it(
    kind: str, broken: Callable[[Object], object], sentence: str
) -> None:
    each = next(each for name in built.OVERLAYS for each in built.of_kind(built.overlay(name), kind))
    assert custom.wrong(each) == []
    broken(each)
    assert sentence in custom.wrong(each)[0]
