"""register in a cluster: a Deployment and a place in the route, or neither."""

import hashlib
import shutil
import signal
from pathlib import Path

import pytest

from scripts.serving import processes, traffic
from tests.kubernetes.api import Api
from tests.kubernetes.checkout import NAMESPACE, Checkout

pytestmark = pytest.mark.operations

ROUTE = f"/namespaces/{NAMESPACE}/httproutes/classifier$"
MADE = ["ConfigMap", "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"]


@pytest.fixture
def checkout(tmp_path: Path, api: Api, int8_archive: Path) -> Checkout:
    """Return a checkout whose traffic.yaml knew 2.0 only as a built archive: 1.0 has everything."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    return Checkout.applied(folder, api, int8_archive.parent, split='"1.0": 100')


def kinds(checkout: Checkout, method: str) -> list[str]:
    """Return what was asked for by `method`, but for the route."""
    paths = [request.path.split("/") for request in checkout.api.changes if request.method == method]
    known = {kind.lower() + "s": kind for kind in MADE}
    return sorted(known[path[-2]] for path in paths if path[-2] in known)


def test_a_registered_version_has_pods_a_pin_and_no_weight(checkout: Checkout) -> None:
    said = checkout.ask("register", "--version", "2.0")
    assert said == {"overlay": "local", "version": "2.0", "new": True, "path": "/predictions/mobilenet_v3/2.0"}
    assert checkout.weights() == {"classifier-1-0": 100, "classifier-2-0": 0}
    assert checkout.pins() == ["pin-1-0", "pin-2-0"]
    assert checkout.ask("status")["versions"]["2.0"] == {
        "deployment": "classifier-2-0",
        "weight": 0,
        "ready": 1,
        "wanted": 1,
    }
    assert kinds(checkout, "PATCH") == MADE
    assert traffic.read(checkout.traffic).split == {"1.0": 100, "2.0": 0}


def test_an_apply_of_the_files_changes_nothing_after_it(checkout: Checkout) -> None:
    checkout.ask("register", "--version", "2.0")
    there = checkout.route()["spec"]
    checkout.api.put(next(one for one in checkout.built() if one["kind"] == "HTTPRoute"))
    assert checkout.route()["spec"] == there


def test_the_manifest_has_the_digest_of_the_archive_here(checkout: Checkout, int8_archive: Path) -> None:
    checkout.ask("register", "--version", "2.0")
    (settings,) = [
        one["data"]
        for one in checkout.built()
        if one["kind"] == "ConfigMap" and one["data"].get("ARCHIVE_NAME") == int8_archive.name
    ]
    assert settings["ARCHIVE_SHA256"] == hashlib.sha256(int8_archive.read_bytes()).hexdigest()


def test_registering_twice_changes_nothing_the_second_time(checkout: Checkout) -> None:
    checkout.ask("register", "--version", "2.0")
    files, changes = checkout.files(), len(checkout.api.changes)
    assert checkout.ask("register", "--version", "2.0")["new"] is False
    assert (checkout.files(), len(checkout.api.changes)) == (files, changes)


def test_another_archive_under_a_version_that_runs_is_refused(checkout: Checkout) -> None:
    checkout.ask("register", "--version", "2.0")
    (settings,) = [
        one
        for one in checkout.built()
        if one["kind"] == "ConfigMap" and one["data"].get("ARCHIVE_NAME") == "mobilenet_v3-2.0.mar"
    ]
    settings["data"]["ARCHIVE_SHA256"] = "0" * 64
    checkout.api.put(settings)
    done = checkout.verb("register", "--version", "2.0")
    assert (done.returncode, "build that under a new version" in done.stderr) == (1, True)


def test_a_version_whose_pods_do_not_come_up_is_taken_out_with_their_own_words(checkout: Checkout) -> None:
    files, spec = checkout.files(), checkout.route()["spec"]
    checkout.api.fail_deployments()
    labels = {"app.kubernetes.io/component": "classifier", "app.kubernetes.io/version": "2.0"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": NAMESPACE, "labels": labels}}
    ended = {"exitCode": 1, "message": "error: https://store/x.mar: its SHA-256 is 1, but the manifest was made for 2"}
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
    state = {"name": "archive", "restartCount": 3, "state": {"waiting": waiting}, "lastState": {"terminated": ended}}
    checkout.api.put({**pod, "spec": {}, "status": {"initContainerStatuses": [state]}})
    done = checkout.verb("register", "--version", "2.0")
    assert done.returncode == 1
    assert "version 2.0 does not come up" in done.stderr
    assert "archive: error: https://store/x.mar: its SHA-256 is 1" in done.stderr
    assert kinds(checkout, "DELETE") == MADE
    assert (checkout.files(), checkout.route()["spec"]) == (files, spec)


def test_a_version_that_traffic_yaml_names_already_without_weight_is_registered(checkout: Checkout) -> None:
    checkout.traffic.write_text(checkout.traffic.read_text().replace('{"1.0": 100}', '{"1.0": 100, "2.0": 0}'))
    checkout.ask("register", "--version", "2.0")
    assert checkout.pins() == ["pin-1-0", "pin-2-0"]


def test_a_shadow_is_registered_with_the_pods_and_the_pin_that_it_has(checkout: Checkout) -> None:
    text = checkout.traffic.read_text()
    checkout.traffic.write_text(text.replace("shadow: null", 'shadow: {version: "2.0", percent: 20}'))
    checkout.apply()
    pods = checkout.api.get("Deployment", "classifier-2-0", NAMESPACE)["metadata"]["uid"]
    checkout.ask("register", "--version", "2.0")
    assert sorted(checkout.pins()) == ["pin-1-0", "pin-2-0"]
    assert checkout.weights() == {"classifier-1-0": 100, "classifier-2-0": 0}
    assert checkout.api.get("Deployment", "classifier-2-0", NAMESPACE)["metadata"]["uid"] == pods


def test_pods_that_were_there_before_stay_when_the_route_is_refused(checkout: Checkout) -> None:
    text = checkout.traffic.read_text()
    checkout.traffic.write_text(text.replace("shadow: null", 'shadow: {version: "2.0", percent: 20}'))
    checkout.apply()
    checkout.api.fail("PATCH", ROUTE, 403, "you may not")
    assert checkout.verb("register", "--version", "2.0").returncode == 1
    assert kinds(checkout, "DELETE") == []


def test_what_can_not_be_taken_out_again_is_named_with_the_cause(checkout: Checkout) -> None:
    checkout.api.fail("PATCH", ROUTE, 403, "you may not")
    checkout.api.fail("DELETE", ".", 403, "neither this", times=20)
    done = checkout.verb("register", "--version", "2.0")
    assert "you may not" in done.stderr
    assert "what was made is still there: ConfigMap" in done.stderr


def test_a_signal_while_pods_come_up_takes_them_out_again(checkout: Checkout) -> None:
    files = checkout.files()
    checkout.api.hold_deployments()
    with checkout.spawn("register", "--version", "2.0") as process:
        assert processes.wait_until(lambda: "Deployment" in kinds(checkout, "PATCH"), 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) != 0
    assert kinds(checkout, "DELETE") == MADE
    assert checkout.files() == files


def test_a_busy_api_server_does_not_end_the_wait_for_pods(checkout: Checkout) -> None:
    checkout.api.hold_deployments()
    with checkout.spawn("register", "--version", "2.0") as process:
        assert processes.wait_until(lambda: "Deployment" in kinds(checkout, "PATCH"), 20)
        checkout.api.fail("GET", "/deployments/classifier-2-0$", 503, "busy")
        checkout.api.release_deployments()
        assert process.wait(20) == 0
    assert checkout.weights() == {"classifier-1-0": 100, "classifier-2-0": 0}


def test_a_route_that_is_refused_takes_the_deployment_out_again(checkout: Checkout) -> None:
    files, spec = checkout.files(), checkout.route()["spec"]
    checkout.api.fail("PATCH", ROUTE, 403, "you may not")
    done = checkout.verb("register", "--version", "2.0")
    assert (done.returncode, "you may not" in done.stderr) == (1, True)
    assert kinds(checkout, "DELETE") == MADE
    assert (checkout.files(), checkout.route()["spec"]) == (files, spec)


def test_a_conflict_in_the_middle_of_the_apply_leaves_nothing_behind(checkout: Checkout) -> None:
    files = checkout.files()
    checkout.api.conflict("/services/classifier-2-0$", ".spec.ports", "somebody")
    done = checkout.verb("register", "--version", "2.0")
    assert (done.returncode, "somebody" in done.stderr) == (1, True)
    assert kinds(checkout, "DELETE") == MADE
    assert checkout.files() == files


def test_a_file_that_can_not_be_written_is_named_and_the_others_are_put_back(checkout: Checkout) -> None:
    # Not even root writes a file where a folder of its name lies.
    file = checkout.folder / "kubernetes" / "components" / "keda" / "generated" / "scaledobjects.yaml"
    file.unlink()
    (file / "something").mkdir(parents=True)
    files = checkout.files()
    done = checkout.verb("register", "--version", "2.0")
    assert (done.returncode, "scaledobjects.yaml: can't be written" in done.stderr) == (1, True), done.stderr
    assert (checkout.api.changes, checkout.files()) == ([], files)


def test_a_version_without_an_archive_here_is_refused_before_anything_is_asked_for(checkout: Checkout) -> None:
    done = checkout.verb("register", "--version", "3.0")
    assert "mobilenet_v3-3.0.mar: no such archive; build it with `make archive" in done.stderr
    assert checkout.api.changes == []


def test_a_changed_archive_is_refused(checkout: Checkout) -> None:
    store = checkout.folder / "own"
    shutil.copytree(checkout.folder / "model_store", store)
    (checkout.folder / "model_store").unlink()
    store.rename(checkout.folder / "model_store")
    archive = checkout.folder / "model_store" / "mobilenet_v3-2.0.mar"
    archive.write_bytes(archive.read_bytes() + b"x")
    assert "changed since it was built" in checkout.verb("register", "--version", "2.0").stderr
    assert checkout.api.changes == []


def test_weight_before_there_are_pods_is_refused(checkout: Checkout) -> None:
    checkout.traffic.write_text(checkout.traffic.read_text().replace('{"1.0": 100}', '{"1.0": 90, "2.0": 10}'))
    done = checkout.verb("register", "--version", "2.0")
    assert "gives version 2.0 10 % before it is there" in done.stderr
    assert checkout.api.changes == []
