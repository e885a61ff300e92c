"""The gateway's route and the local edge's say the same of the same traffic.yaml, and a pod's own edge fits below."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.kubernetes import names
from scripts.serving import traffic
from scripts.serving.places import REPOSITORY
from scripts.serving.traffic import Traffic
from tests.kubernetes import built, routes
from tests.kubernetes.built import Object
from tests.kubernetes.policies import workloads

SHIPPED = (REPOSITORY / "traffic.yaml").read_text(encoding="utf-8")
TEXTS = {
    "shipped": SHIPPED,
    "three versions, one at 0": 'split: {"1.0": 70, "2.0": 0, "3.0": 30}\nedge: {timeout_s: 12}',
    "a shadow in the split": 'split: {"1.0": 90, "2.0": 10}\nshadow: {version: "2.0", percent: 5}',
    "a shadow apart": 'split: {"1.0": 60, "2.0": 40}\nshadow: {version: "3.0", percent: 100}',
    "no sticky header, small bodies": 'split: {"2.0": 100}\nsticky_header: null\nedge: {max_body_bytes: 1000000}',
    "another bound on memory": 'split: {"2.0": 100}\nedge: {max_memory_bytes: 300000000}',
    "a cookie alone": 'split: {"1.0": 50, "2.0": 50}\nsticky_cookie: {name: keeps}\nshadow: {version: "2.0"}',
    "another sticky header": 'split: {"2.0": 100}\nsticky_header: x-session\nedge: {timeout_s: 2, threads: 2}',
}


@pytest.fixture(params=TEXTS)
def wanted(request: pytest.FixtureRequest, tmp_path: Path) -> Traffic:
    return traffic.parse(TEXTS[request.param], tmp_path / "traffic.yaml")


@pytest.fixture
def objects(wanted: Traffic, tmp_path: Path) -> list[Object]:
    """Return staging for this traffic.yaml; all overlays have the route from the same base and component."""
    folder = tmp_path / "wanted"
    folder.mkdir()
    # JSON is YAML too.
    texts = built.rendered(built.installation(folder, wanted.model_dump_json()))
    return built.kustomize(built.changed_copy(folder, texts) / "overlays" / "staging")


def test_gateway_and_edge_agree(wanted: Traffic, objects: list[Object], tmp_path: Path) -> None:
    [route] = built.of_kind(objects, "HTTPRoute")
    at_the_gateway = routes.of_gateway(route, wanted.versions)
    assert at_the_gateway == routes.of_edge(tmp_path, wanted)
    # Nor do they agree on nothing.
    assert at_the_gateway.weights == wanted.split
    assert list(at_the_gateway.weights) == list(wanted.split)
    versions = wanted.versions
    assert at_the_gateway.headers == {(path, version): version for path in routes.SPLIT_PATHS for version in versions}
    assert at_the_gateway.paths == {f"{path}/{version}": version for path in routes.ASKED_FOR for version in versions}
    assert at_the_gateway.timeouts_s == {wanted.edge.timeout_s}


def test_every_overlay_has_the_route_that_traffic_yaml_describes(overlay: list[Object], tmp_path: Path) -> None:
    wanted = traffic.parse(SHIPPED, tmp_path / "traffic.yaml")
    [route] = built.of_kind(overlay, "HTTPRoute")
    assert routes.of_gateway(route, wanted.versions) == routes.of_edge(tmp_path, wanted)


def test_what_is_no_prediction_goes_to_a_pods_edge_as_it_does_to_the_local_one(objects: list[Object]) -> None:
    """So 404, 405 and /healthz are answered in the same words."""
    [route] = built.of_kind(objects, "HTTPRoute")
    assert route["spec"]["rules"][-1]["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]


def test_a_pods_edge_answers_for_its_version_within_the_routes_limit_and_with_the_same_rules(
    wanted: Traffic, objects: list[Object], tmp_path: Path
) -> None:
    local = routes.prepared(tmp_path / "local", wanted)
    assert routes.sticky_cookie(local) == (wanted.sticky_cookie and wanted.sticky_cookie.name)
    pods = dict(workloads.pods(objects))
    assert set(pods) == {names.of(version) for version in wanted.versions}
    for version in wanted.versions:
        name = names.of(version)
        spec = pods[name]
        pod = traffic.parse(json.dumps(workloads.traffic(spec, objects)), tmp_path / "traffic.yaml")
        found = routes.of_edge(tmp_path / name, pod)
        assert (found.weights, found.shadow) == ({version: 100}, None)
        assert found.paths == {f"{path}/{version}": version for path in routes.ASKED_FOR}
        assert found.headers == {(path, version): version for path in routes.SPLIT_PATHS}
        assert max(found.timeouts_s) < wanted.edge.timeout_s
        files = routes.prepared(tmp_path / name, pod)
        assert routes.body_limits(files) == routes.body_limits(local) == {wanted.edge.max_body_bytes}
        assert routes.sticky_header(files) == routes.sticky_header(local) == wanted.sticky_header
        assert (routes.sticky_cookie(files), pod.sticky_cookie) == (None, None)
        assert (pod.edge.address, pod.edge.threads) == ("0.0.0.0", wanted.edge.threads)
        assert pod.edge.max_memory_bytes == wanted.edge.max_memory_bytes
        assert set(workloads.ports(spec)) == {pod.edge.port, pod.edge.monitoring_port}


def rules(route: Object) -> Any:
    return route["spec"]["rules"]


@pytest.mark.parametrize(
    "changed",
    [
        lambda route: rules(route)[2]["backendRefs"][0].update(weight=80),
        lambda route: rules(route)[2]["backendRefs"].pop(),
        lambda route: rules(route)[0]["matches"].pop(0),
        lambda route: rules(route)[0]["matches"].pop(1),
        lambda route: rules(route)[0]["matches"][0]["path"].update(value="/predictions/mobilenet_v3/1"),
        lambda route: rules(route)[0]["matches"][-1]["headers"][0].update(value="1"),
        lambda route: rules(route)[0].update(backendRefs=rules(route)[1]["backendRefs"]),
        lambda route: rules(route)[2].pop("filters"),
        lambda route: rules(route)[2]["filters"][0]["requestMirror"].update(percent=6),
        lambda route: rules(route)[2]["filters"][0]["requestMirror"]["backendRef"].update(name="classifier-1-0"),
        lambda route: rules(route)[1].update(timeouts={"request": "31s"}),
    ],
)
def test_a_route_that_says_something_else_is_seen(changed: Callable[[Object], object], tmp_path: Path) -> None:
    wanted = traffic.parse(TEXTS["a shadow in the split"], tmp_path / "traffic.yaml")
    texts = built.rendered(built.installation(tmp_path, TEXTS["a shadow in the split"]))
    [route] = built.of_kind(built.kustomize(built.changed_copy(tmp_path, texts) / "overlays" / "local"), "HTTPRoute")
    edge = routes.of_edge(tmp_path, wanted)
    assert routes.of_gateway(route, wanted.versions) == edge
    changed(route)
    assert routes.of_gateway(route, wanted.versions) != edge
