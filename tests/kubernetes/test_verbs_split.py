"""split, promote and rollback in a cluster: the files, the route, and that both change or neither."""

from pathlib import Path

import pytest

from scripts.serving import traffic
from tests.kubernetes.api import Api, Manifest
from tests.kubernetes.checkout import NAMESPACE, Checkout

ROUTE = f"/namespaces/{NAMESPACE}/httproutes/classifier$"


@pytest.fixture
def checkout(tmp_path: Path, api: Api, int8_archive: Path) -> Checkout:
    folder = tmp_path / "checkout"
    folder.mkdir()
    return Checkout.applied(folder, api, int8_archive.parent)


def as_it_was(checkout: Checkout, files: dict[str, str], rules: Manifest) -> None:
    assert checkout.files() == files
    assert checkout.route()["spec"] == rules


def test_a_split_changes_traffic_yaml_the_manifests_and_the_route(checkout: Checkout) -> None:
    said = checkout.ask("split", "1.0=60", "2.0=40")
    assert (said["split"], said["before"]) == ({"1.0": 60, "2.0": 40}, {"1.0": 90, "2.0": 10})
    assert traffic.read(checkout.traffic).split == {"1.0": 60, "2.0": 40}
    assert checkout.weights() == {"classifier-1-0": 60, "classifier-2-0": 40}
    # An apply of the files would change nothing.
    there = checkout.route()["spec"]
    checkout.api.put(next(one for one in checkout.built() if one["kind"] == "HTTPRoute"))
    assert checkout.route()["spec"] == there


def test_a_split_is_one_patch_that_tests_the_rules_name_first(checkout: Checkout) -> None:
    checkout.ask("split", "1.0=60", "2.0=40")
    (request,) = checkout.api.changes
    assert (request.method, request.content_type) == ("PATCH", "application/json-patch+json")
    assert request.body[0] == {"op": "test", "path": "/spec/rules/2/name", "value": "split"}
    assert [operation["op"] for operation in request.body] == ["test", "test", "replace", "add"]


def test_a_version_that_is_not_named_gets_0_and_keeps_its_place(checkout: Checkout) -> None:
    checkout.ask("split", "2.0=100")
    assert checkout.weights() == {"classifier-1-0": 0, "classifier-2-0": 100}


def test_a_promotion_gives_everything_and_a_rollback_takes_it_back_and_forth(checkout: Checkout) -> None:
    checkout.ask("promote", "--version", "2.0")
    assert checkout.weights() == {"classifier-1-0": 0, "classifier-2-0": 100}
    assert checkout.ask("rollback")["split"] == {"1.0": 90, "2.0": 10}
    assert traffic.read(checkout.traffic).split == {"1.0": 90, "2.0": 10}
    checkout.ask("rollback")
    assert checkout.weights() == {"classifier-1-0": 0, "classifier-2-0": 100}


def test_a_rollback_needs_no_archive(checkout: Checkout) -> None:
    checkout.ask("promote", "--version", "2.0")
    (checkout.folder / "model_store").unlink()
    assert checkout.ask("rollback")["split"] == {"1.0": 90, "2.0": 10}


def test_without_a_change_there_is_nothing_to_roll_back_to(checkout: Checkout) -> None:
    done = checkout.verb("rollback")
    assert (done.returncode, "nothing to go back to" in done.stderr) == (1, True)


def test_what_somebody_else_wrote_on_the_route_stays(checkout: Checkout) -> None:
    def annotate(route: Manifest) -> None:
        route["metadata"]["annotations"] = {"theirs": "1"}

    checkout.api.edit("HTTPRoute", "classifier", annotate, NAMESPACE)
    checkout.ask("split", "1.0=60", "2.0=40")
    assert checkout.route()["metadata"]["annotations"]["theirs"] == "1"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("1.0=50 2.0=40", "the weights add up to 90"),
        (
            "1.0=50 3.0=50",
            "version 3.0 has no Deployment in local (stub); `make register TARGET=kubernetes VERSION=3.0`",
        ),
        ("1.0:50", "is no VERSION=PERCENT"),
    ],
)
def test_a_split_that_can_not_be_is_one_sentence_and_asks_for_no_change(
    checkout: Checkout, words: str, sentence: str
) -> None:
    files = checkout.files()
    done = checkout.verb("split", *words.split())
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert sentence in done.stderr
    assert (checkout.api.changes, checkout.files()) == ([], files)


def test_a_version_without_a_ready_pod_gets_no_traffic(checkout: Checkout) -> None:
    checkout.api.set_status("Deployment", "classifier-2-0", {"replicas": 1}, NAMESPACE)
    done = checkout.verb("split", "1.0=50", "2.0=50")
    assert "version 2.0 has no pod that is ready in local (stub) (of 1); `kubectl describe" in done.stderr
    assert checkout.verb("split", "1.0=100").returncode == 0


def test_a_route_that_changes_meanwhile_is_left_to_whoever_changed_it(checkout: Checkout) -> None:
    files = checkout.files()

    def theirs(route: Manifest) -> None:
        route["spec"]["rules"][-1]["backendRefs"][0]["weight"] = 70

    checkout.api.before("PATCH", ROUTE, lambda: checkout.api.edit("HTTPRoute", "classifier", theirs, NAMESPACE))
    done = checkout.verb("split", "1.0=50", "2.0=50")
    assert done.returncode == 1
    assert "the route in local (stub) does not take the change" in done.stderr
    assert "try again" in done.stderr
    assert checkout.weights()["classifier-1-0"] == 70
    assert checkout.files() == files


def test_rules_in_another_order_are_found_by_their_name(checkout: Checkout) -> None:
    checkout.api.edit("HTTPRoute", "classifier", lambda route: route["spec"]["rules"].reverse(), NAMESPACE)
    checkout.ask("split", "1.0=60", "2.0=40")
    split = checkout.route()["spec"]["rules"][0]
    assert (split["name"], [backend["weight"] for backend in split["backendRefs"]]) == ("split", [60, 40])


@pytest.mark.parametrize("code", [403, 409, 422, 500])
def test_a_patch_that_the_api_server_refuses_changes_nothing(checkout: Checkout, code: int) -> None:
    files, spec = checkout.files(), checkout.route()["spec"]
    # A conflict is tried again by kubectl and by the server; this one stays.
    checkout.api.fail("PATCH", ROUTE, code, "because", times=20)
    done = checkout.verb("split", "1.0=50", "2.0=50")
    assert (done.returncode, "does not take the change" in done.stderr) == (1, True)
    as_it_was(checkout, files, spec)


def test_a_lost_answer_to_the_patch_is_looked_up(checkout: Checkout) -> None:
    checkout.api.lose_answer("PATCH", ROUTE)
    assert checkout.ask("split", "1.0=60", "2.0=40")["split"] == {"1.0": 60, "2.0": 40}
    assert traffic.read(checkout.traffic).split == {"1.0": 60, "2.0": 40}


def test_a_patch_that_never_came_changes_nothing(checkout: Checkout) -> None:
    files, spec = checkout.files(), checkout.route()["spec"]
    checkout.api.close("PATCH", ROUTE)
    assert "does not take the change" in checkout.verb("split", "1.0=60", "2.0=40").stderr
    as_it_was(checkout, files, spec)


def test_a_route_that_the_gateway_refuses_is_put_back_with_its_reason(checkout: Checkout) -> None:
    files, spec = checkout.files(), checkout.route()["spec"]
    checkout.api.reject_routes("BackendNotFound", "ResolvedRefs")
    done = checkout.verb("split", "1.0=50", "2.0=50")
    assert done.returncode == 1
    assert "the Gateway in local (stub) refuses the route (ResolvedRefs: BackendNotFound" in done.stderr
    as_it_was(checkout, files, spec)


def test_a_cluster_that_is_not_reached_is_named_with_kubectls_words(checkout: Checkout) -> None:
    files = checkout.files()
    checkout.api.kubeconfig.write_text(
        checkout.api.kubeconfig.read_text().replace("http://127.0.0.1:", "http://127.0.0.1:1")
    )
    done = checkout.verb("split", "1.0=50", "2.0=50")
    assert (done.returncode, done.stderr.startswith("error: kubectl get: ")) == (1, True)
    assert checkout.files() == files


def test_a_kubeconfig_without_a_cluster_is_told_what_is_missing(checkout: Checkout) -> None:
    checkout.api.kubeconfig.write_text("")
    assert "set KUBECONFIG, or KUBE_CONTEXT" in checkout.verb("status").stderr


def test_an_overlay_that_is_not_there_is_answered_with_those_that_are(checkout: Checkout) -> None:
    done = checkout.verb("status", "--overlay", "nowhere")
    assert "there are local, production, staging" in done.stderr


def test_a_service_that_was_never_applied_is_named_with_the_command(checkout: Checkout) -> None:
    checkout.api.delete("HTTPRoute", "classifier", NAMESPACE)
    assert "kubectl apply --server-side --force-conflicts -k" in checkout.verb("status").stderr


def test_files_and_cluster_with_other_versions_are_not_mixed(checkout: Checkout) -> None:
    text = checkout.traffic.read_text()
    checkout.traffic.write_text(text.replace('"2.0": 10', '"2.0": 10, "3.0": 0'))
    done = checkout.verb("split", "1.0=60", "2.0=40")
    assert "version 3.0 has no Deployment" in done.stderr


def test_status_shows_the_pods_and_what_the_files_say_otherwise(checkout: Checkout) -> None:
    checkout.traffic.write_text(checkout.traffic.read_text().replace('"1.0": 90', '"1.0": 80').replace(": 10", ": 20"))
    facts = checkout.ask("status")
    assert (facts["accepted"], facts["split"], facts["wanted"]) == (
        True,
        {"1.0": 90, "2.0": 10},
        {"1.0": 80, "2.0": 20},
    )
    assert facts["versions"]["2.0"] == {"deployment": "classifier-2-0", "weight": 10, "ready": 1, "wanted": 1}
    text = checkout.verb("status").stdout
    assert "the Gateway has taken the route" in text
    assert "traffic.yaml says 1.0=80 2.0=20" in text
