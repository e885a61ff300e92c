"""split, promote and rollback in a cluster: the files, the route, and that both change or neither."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from scripts.serving import processes, traffic
from tests.kubernetes.api import Api, Manifest
from tests.kubernetes.checkout import NAMESPACE, Checkout

pytestmark = pytest.mark.operations

ROUTE = f"/namespaces/{NAMESPACE}/httproutes/classifier$"


@pytest.fixture
def checkout(tmp_path: Path, api: Api, int8_archive: Path) -> Checkout:
    folder = tmp_path / "checkout"
    folder.mkdir()
    return Checkout.applied(folder, api, int8_archive.parent)


def as_it_was(checkout: Checkout, files: dict[str, str], route: Manifest) -> None:
    """What a verb changed and took back: the files, the rules, and the split that a rollback would go to."""
    assert checkout.files() == files
    now = checkout.route()
    assert now["spec"] == route["spec"]
    assert now["metadata"].get("annotations", {}) == route["metadata"].get("annotations", {})


def test_a_split_changes_traffic_yaml_the_manifests_and_the_route(checkout: Checkout) -> None:
    said = checkout.ask("split", "1.0=60", "2.0=40")
    assert (said["after"], said["before"]) == ({"1.0": 60, "2.0": 40}, {"1.0": 90, "2.0": 10})
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
    assert checkout.ask("rollback")["after"] == {"1.0": 90, "2.0": 10}
    assert traffic.read(checkout.traffic).split == {"1.0": 90, "2.0": 10}
    checkout.ask("rollback")
    assert checkout.weights() == {"classifier-1-0": 0, "classifier-2-0": 100}


def test_a_rollback_needs_no_archive(checkout: Checkout) -> None:
    checkout.ask("promote", "--version", "2.0")
    (checkout.folder / "model_store").unlink()
    assert checkout.ask("rollback")["after"] == {"1.0": 90, "2.0": 10}


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
            "3.0 is not registered in local (stub); `make register TARGET=kubernetes OVERLAY=local VERSION=3.0`",
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
    assert (
        "version 2.0 has no pod that is ready in local (stub) (of 1); `kubectl -n mobilenet-v3 describe" in done.stderr
    )
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
    files, route = checkout.files(), checkout.route()
    # A conflict is tried again by kubectl and by the server; this one stays.
    checkout.api.fail("PATCH", ROUTE, code, "because", times=20)
    done = checkout.verb("split", "1.0=50", "2.0=50")
    assert (done.returncode, "does not take the change" in done.stderr) == (1, True)
    as_it_was(checkout, files, route)


def test_a_lost_answer_to_the_patch_is_looked_up(checkout: Checkout) -> None:
    checkout.api.lose_answer("PATCH", ROUTE)
    assert checkout.ask("split", "1.0=60", "2.0=40")["after"] == {"1.0": 60, "2.0": 40}
    assert traffic.read(checkout.traffic).split == {"1.0": 60, "2.0": 40}


def test_a_patch_that_never_came_changes_nothing(checkout: Checkout) -> None:
    files, route = checkout.files(), checkout.route()
    checkout.api.close("PATCH", ROUTE)
    assert "does not take the change" in checkout.verb("split", "1.0=60", "2.0=40").stderr
    as_it_was(checkout, files, route)


def test_a_route_that_the_gateway_refuses_is_put_back_with_its_reason(checkout: Checkout) -> None:
    files, route = checkout.files(), checkout.route()
    checkout.api.reject_routes("BackendNotFound", "ResolvedRefs")
    done = checkout.verb("split", "1.0=50", "2.0=50")
    assert done.returncode == 1
    assert "the Gateway in local (stub) refuses the route (ResolvedRefs: BackendNotFound" in done.stderr
    as_it_was(checkout, files, route)


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
    assert "there are: local, production, staging" in done.stderr


def test_a_service_that_was_never_applied_is_named_with_the_command(checkout: Checkout) -> None:
    checkout.api.delete("HTTPRoute", "classifier", NAMESPACE)
    assert "kubectl apply --server-side --force-conflicts -k" in checkout.verb("status").stderr


def test_a_version_that_only_the_files_have_does_not_keep_the_others_from_being_split(checkout: Checkout) -> None:
    checkout.traffic.write_text(checkout.traffic.read_text().replace('"2.0": 10', '"2.0": 10, "1.1": 0'))
    versions = checkout.folder / "kubernetes" / "base" / "generated" / "versions"
    shutil.copytree(versions / "2.0", versions / "1.1")
    checkout.ask("promote", "--version", "1.0")
    assert checkout.weights() == {"classifier-1-0": 100, "classifier-2-0": 0}
    assert traffic.read(checkout.traffic).split == {"1.0": 100, "2.0": 0, "1.1": 0}


def test_a_cluster_of_another_overlay_is_left_alone(checkout: Checkout) -> None:
    def of_production(route: Manifest) -> None:
        route["metadata"]["labels"]["app.kubernetes.io/instance"] = "production"

    checkout.api.edit("HTTPRoute", "classifier", of_production, NAMESPACE)
    files = checkout.files()
    done = checkout.verb("promote", "--version", "2.0")
    assert "the service in the context stub is the overlay production, not local" in done.stderr
    assert (checkout.api.changes, checkout.files()) == ([], files)


def test_a_rollback_after_a_refused_change_goes_where_it_would_have_gone_before(checkout: Checkout) -> None:
    checkout.ask("split", "1.0=50", "2.0=50")
    checkout.api.reject_routes("BackendNotFound", "ResolvedRefs")
    assert checkout.verb("split", "1.0=20", "2.0=80").returncode == 1
    checkout.api.accept_routes()
    assert checkout.ask("rollback")["after"] == {"1.0": 90, "2.0": 10}


def test_a_change_to_what_is_there_already_is_no_change_to_roll_back(checkout: Checkout) -> None:
    for _ in range(2):
        checkout.ask("promote", "--version", "2.0")
    assert checkout.ask("rollback")["after"] == {"1.0": 90, "2.0": 10}


def test_a_busy_api_server_after_the_patch_undoes_nothing(checkout: Checkout) -> None:
    # The first GET is that of the route before the change, the second kubectl's own before it patches.
    checkout.api.before("PATCH", ROUTE, lambda: checkout.api.fail("GET", ROUTE, 503, "busy"))
    assert checkout.ask("split", "1.0=60", "2.0=40")["after"] == {"1.0": 60, "2.0": 40}
    assert checkout.weights() == {"classifier-1-0": 60, "classifier-2-0": 40}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_gateway_is_waited_for_takes_the_change_back(
    checkout: Checkout, number: signal.Signals
) -> None:
    files, route = checkout.files(), checkout.route()
    checkout.api.ignore_routes()
    with checkout.spawn("split", "1.0=50", "2.0=50") as process:
        assert processes.wait_until(lambda: checkout.weights()["classifier-1-0"] == 50, 20)
        process.send_signal(number)
        assert process.wait(20) != 0
    as_it_was(checkout, files, route)


def test_a_signal_in_the_middle_of_the_patch_takes_the_change_back(checkout: Checkout) -> None:
    files, route = checkout.files(), checkout.route()
    with checkout.spawn("split", "1.0=50", "2.0=50") as process:

        def interrupt() -> None:
            process.send_signal(signal.SIGINT)
            # A kubectl that was killed by it would be gone now, and the change would come all the same.
            time.sleep(0.5)

        checkout.api.before("PATCH", ROUTE, interrupt)
        assert process.wait(20) != 0
    as_it_was(checkout, files, route)


def test_a_second_command_is_refused_while_one_waits(checkout: Checkout) -> None:
    checkout.api.ignore_routes()
    with checkout.spawn("split", "1.0=50", "2.0=50") as process:
        assert processes.wait_until(lambda: checkout.weights()["classifier-1-0"] == 50, 20)
        for verb in (("split", "1.0=70", "2.0=30"), ("render",)):
            assert "another command changes traffic.yaml just now" in checkout.verb(*verb).stderr
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_an_edit_that_is_made_while_a_command_waits_stays(checkout: Checkout) -> None:
    checkout.api.ignore_routes()
    with checkout.spawn("split", "1.0=50", "2.0=50") as process:
        assert processes.wait_until(lambda: checkout.weights()["classifier-1-0"] == 50, 20)
        edited = checkout.traffic.read_text() + "# mine\n"
        checkout.traffic.write_text(edited)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert checkout.traffic.read_text() == edited


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
