"""Kubernetes' own kinds against its published schemas, strictly: an unknown field is an error."""

import kubernetes_validate
import pytest
from kubernetes_validate.utils import latest_version

from tests.kubernetes import built
from tests.kubernetes.built import Object

# The oldest with sidecars that are no feature to be switched on; volumes of type image are 1.35's.
OLDEST = "1.33"
KINDS = {
    *("Namespace", "ConfigMap", "Service", "Deployment"),
    *("PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"),
}


def wrong(each: Object, version: str) -> str | None:
    """Return what a Kubernetes of this version says against an object; None: nothing."""
    try:
        assert kubernetes_validate.validate(each, version, strict=True) == version
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return None


@pytest.mark.parametrize("version", [OLDEST, ".".join(latest_version().split(".")[:2])])
def test_every_object_is_one_that_kubernetes_takes(overlay: list[Object], version: str) -> None:
    core = built.of_kind(overlay, *KINDS)
    assert {each["metadata"]["name"]: said for each in core if (said := wrong(each, version))} == {}
    assert {"Deployment", "Service", "ConfigMap", "Namespace"} <= {each["kind"] for each in core}


@pytest.mark.parametrize(
    ("kind", "misspelt"),
    [
        ("Deployment", {"spec": {"progressDeadlineSecond": 300}}),
        ("Service", {"spec": {"selectors": {}}}),
        ("PodDisruptionBudget", {"spec": {"maxUnavailabel": 1}}),
        ("HorizontalPodAutoscaler", {"spec": {"maxReplica": 2}}),
        ("NetworkPolicy", {"spec": {"ingres": []}}),
        ("ConfigMap", {"datas": {}}),
    ],
)
def test_a_misspelt_field_is_named(kind: str, misspelt: Object) -> None:
    each = built.of_kind(built.overlay("local"), kind)[0]
    assert wrong(each, OLDEST) is None
    for part, fields in misspelt.items():
        each[part] = {**each.get(part, {}), **fields}
        [field] = fields or [part]
    assert f"'{field}' was unexpected" in str(wrong(each, OLDEST))


def test_a_misspelt_field_deep_in_a_pod_is_named() -> None:
    each = built.of_kind(built.overlay("local"), "Deployment")[0]
    each["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSecond"] = 2
    assert "'periodSecond' was unexpected" in str(wrong(each, OLDEST))


def test_a_value_of_the_wrong_type_is_named() -> None:
    each = built.of_kind(built.overlay("local"), "Deployment")[0]
    each["spec"]["progressDeadlineSeconds"] = "300"
    assert "'300' is not of type" in str(wrong(each, OLDEST))
