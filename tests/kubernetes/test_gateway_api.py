"""The Gateway and its route against the definitions that the Gateway API's project publishes, CEL rules and all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.serving.places import REPOSITORY
from tests.kubernetes import built
from tests.kubernetes.built import Object
from tests.kubernetes.cel import compiled
from tests.kubernetes.crd import Definition

CRDS = Path(os.environ.get("GATEWAY_API_CRDS") or REPOSITORY.parent / "shared" / "crds")
# As they are published, gateway.networking.k8s.io_httproutes.yaml, or shorter.
FILES = {
    kind: next(CRDS.glob(f"gateway*{kind.lower()}s.yaml"), None) if CRDS.is_dir() else None
    for kind in ("Gateway", "HTTPRoute")
}

pytestmark = pytest.mark.skipif(
    None in FILES.values(),
    reason="Gateways and HTTPRoutes were not held against the Gateway API's definitions; set GATEWAY_API_CRDS to a "
    "folder that has config/crd/standard of kubernetes-sigs/gateway-api",
)


@pytest.fixture(scope="module")
def definitions() -> dict[str, Definition]:
    return {kind: Definition.read(path, "v1") for kind, path in FILES.items() if path}


def test_every_gateway_and_route_is_one_that_the_gateway_api_takes(
    definitions: dict[str, Definition], overlay: list[Object]
) -> None:
    found = built.of_kind(overlay, *FILES)
    assert {each["kind"] for each in found} == set(FILES)
    assert {each["apiVersion"] for each in found} == {"gateway.networking.k8s.io/v1"}
    assert [said for each in found for said in definitions[each["kind"]].wrong(each)] == []


def test_a_shadow_in_the_split_and_one_apart_are_taken_too(definitions: dict[str, Definition], tmp_path: Path) -> None:
    for version in ("2.0", "3.0"):
        text = f'split: {{"1.0": 50, "2.0": 50}}\nshadow: {{version: "{version}", percent: 5}}\n'
        folder = tmp_path / version
        folder.mkdir()
        copied = built.changed_copy(folder, built.rendered(built.installation(folder, text)))
        [route] = built.of_kind(built.kustomize(copied / "overlays" / "staging"), "HTTPRoute")
        assert "requestMirror" in str(route)
        assert definitions["HTTPRoute"].wrong(route) == []


@pytest.mark.parametrize("kind", FILES)
def test_every_rule_of_a_definition_can_be_read(definitions: dict[str, Definition], kind: str) -> None:
    assert [compiled(rule) for rule in definitions[kind].rules()]


def test_a_rule_that_cannot_be_evaluated_is_an_error_and_no_pass(definitions: dict[str, Definition]) -> None:
    rule = {"rule": "self.nowhere.size() > 0", "message": "never seen"}
    definition = Definition({**definitions["Gateway"].schema, "x-kubernetes-validations": [rule]})
    with pytest.raises(Exception, match="nowhere"):
        definition.wrong(built.of_kind(built.overlay("local"), "Gateway")[0])


def rules(route: Object) -> Any:
    return route["spec"]["rules"]


def mirror(**share: object) -> Object:
    backend = {"name": "classifier-2-0", "port": 80}
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend, **share}}


def headers(name: str) -> Object:
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": [name]}}


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (lambda route: route["spec"].update(hostname=["a.example.com"]), "'hostname' was unexpected"),
        (lambda route: rules(route)[0].update(filter=[]), "'filter' was unexpected"),
        (lambda route: rules(route)[0]["matches"][0].update(method="post"), "'post' is not one of"),
        (lambda route: rules(route)[0]["matches"][0]["path"].update(value="predictions"), "must be an absolute path"),
        (lambda route: rules(route)[0].update(filters=[headers("a"), headers("b")]), "cannot be repeated"),
        (
            lambda route: rules(route)[0].update(filters=[mirror(percent=5, fraction={"numerator": 1})]),
            "Only one of percent or fraction",
        ),
        (lambda route: rules(route)[0].update(filters=[mirror(percent=101)]), "101 is greater than the maximum"),
        (
            lambda route: rules(route)[0].update(timeouts={"request": "1s", "backendRequest": "2s"}),
            "backendRequest timeout cannot be longer than request timeout",
        ),
        (lambda route: rules(route)[0].update(timeouts={"request": "30"}), "does not match"),
        (lambda route: rules(route)[0]["backendRefs"][0].pop("port"), "Must have port for Service reference"),
        (lambda route: route["spec"]["parentRefs"].append({"name": "classifier"}), "sectionName"),
        (lambda route: rules(route).extend(rules(route) * 8), "is too long"),
    ],
)
def test_a_route_that_is_broken_in_one_way_is_refused_with_it(
    definitions: dict[str, Definition], broken: Callable[[Object], object], sentence: str
) -> None:
    [route] = built.of_kind(built.overlay("local"), "HTTPRoute")
    broken(route)
    [said] = definitions["HTTPRoute"].wrong(route)
    assert sentence in said


def listener(gateway: Object) -> Any:
    return gateway["spec"]["listeners"][0]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (lambda gateway: gateway["spec"].update(listener=[]), "'listener' was unexpected"),
        (lambda gateway: listener(gateway)["tls"].update(mode="Ends"), "'Ends' is not one of"),
        (lambda gateway: listener(gateway)["tls"].update(mode="Passthrough"), "mode must be Terminate"),
        (lambda gateway: listener(gateway).update(protocol="HTTP"), "tls must not be specified for protocols"),
        (lambda gateway: listener(gateway).update(port=0), "less than the minimum"),
        (lambda gateway: gateway["spec"]["listeners"].append({**listener(gateway), "port": 80}), "is there twice"),
        (lambda gateway: gateway["metadata"].update(label={}), "'label' was unexpected"),
    ],
)
def test_a_gateway_that_is_broken_in_one_way_is_refused_with_it(
    definitions: dict[str, Definition], broken: Callable[[Object], object], sentence: str
) -> None:
    [gateway] = built.of_kind(built.overlay("production"), "Gateway")
    broken(gateway)
    assert sentence in definitions["Gateway"].wrong(gateway)[0]
