"""The operator's files: what the parsers refuse is shown as they say it, and what they take and should not is named."""

from collections.abc import Callable

import pytest

from scripts.doctoring import config_traps, operators_files, traffic_traps
from scripts.doctoring.finding import BROKEN, LOOK, OK, Finding
from scripts.serving import keys
from tests.scripts.doctoring.conftest import Prepared

LINES = {
    "inference_address=http://0.0.0.0:8080": "never face a network",
    "load_models=all": "registered one by one",
    "disable_token_authorization=false": "loopback only",
    "initial_worker_port=9000": "WORKER_PORT",
    "install_py_dep_per_model=true": "the environment is pinned",
    "batch_size=8": "unknown key `batch_size`",
    "model_snapshot={}": "a snapshot would bring back versions",
}
TRAPS = {
    "default_response_timeout=10": "`responseTimeout` in `models`",
    "default_workers_per_model=4": "`minWorkers` in `models`",
    "enable_metrics_api=false": "make status WATCH=1",
    "limit_max_image_pixels=true": "handler.max_megapixels",
    "cors_allowed_origin=*": "edge.cors_origins",
    "token_expiration_min=600": "docs/access.md",
    "cpu_launcher_enable=true": "handler.threads",
}


def broken(prepared: Prepared) -> Finding:
    """Return what is broken in the files, which is one thing."""
    read = operators_files.read(prepared.environment)
    assert read.wanted is None
    (found,) = [finding for finding in read.findings if finding.state != OK]
    assert (found.state, bool(found.fix)) == (BROKEN, True)
    return found


def test_the_shipped_files_are_in_order(prepared: Prepared) -> None:
    read = operators_files.read(prepared.environment)
    assert {finding.state for finding in read.findings} == {OK}
    found = [*config_traps.findings(prepared.wanted), *traffic_traps.findings(prepared.wanted)]
    assert {finding.state for finding in found} == {OK}


@pytest.mark.parametrize("line", LINES)
def test_what_torchserve_would_take_and_this_server_refuses_is_shown_with_its_reason(
    line: str, prepared: Prepared
) -> None:
    key = line.partition("=")[0]
    text = (prepared.folder / "config.properties").read_text()
    kept = [each for each in text.splitlines() if not each.startswith(f"{key}=")]
    (prepared.folder / "config.properties").write_text("\n".join([*kept, line, ""]))
    found = broken(prepared)
    assert found.check == "config.properties"
    assert LINES[line] in found.found + found.fix


@pytest.mark.parametrize("setting", ['"maxBatchDelay": 0', '"maxBatchDelay": -10000', '"defaultVersion": true'])
def test_a_setting_of_a_version_that_does_harm_or_nothing_is_refused(setting: str, prepared: Prepared) -> None:
    prepared.edit("config.properties", '"maxBatchDelay": 1,', f"{setting},")
    assert setting.split('"')[1] in broken(prepared).found


def test_more_workers_than_cores_are_refused_with_the_number_that_fits(prepared: Prepared) -> None:
    prepared.edit("config.properties", '"maxWorkers": 1', '"maxWorkers": 4096')
    assert "lower maxWorkers to" in broken(prepared).fix


@pytest.mark.parametrize("line", TRAPS)
def test_a_key_that_does_something_else_or_nothing_is_named_with_what_does(line: str, prepared: Prepared) -> None:
    prepared.add(line)
    (found,) = config_traps.findings(prepared.wanted)
    assert (found.state, line.partition("=")[0] in found.found) == (LOOK, True)
    assert TRAPS[line] in found.found


@pytest.mark.parametrize(
    ("old", "new", "said", "fix"),
    [
        ('"mobilenet_v3": {', '"mobilenet_v2": {', "no model is served as mobilenet_v2", "rename it to one of"),
        ('"2.0": {', '"3.0": {', "3.0 is in neither split nor shadow", "make register VERSION=3.0"),
        ('"2.0": {', '"2": {', "2 is in neither split nor shadow", 'write "2.0" there'),
        ('"batchSize": 8', '"batchSize": 101', "is above job_queue_size 100", "lower it"),
        ('"maxBatchDelay": 1,', '"maxBatchDelay": 60000,', "is not below responseTimeout", "lower it"),
        ('"responseTimeout": 60', '"responseTimeout": 3000', "callers get 504 after 30 s", "lower responseTimeout"),
    ],
)
def test_a_trap_in_models_is_named_with_its_edit(old: str, new: str, said: str, fix: str, prepared: Prepared) -> None:
    prepared.edit("config.properties", old, new)
    found = config_traps.findings(prepared.wanted)
    assert {finding.state for finding in found} == {LOOK}
    assert said in found[0].found
    assert fix in found[0].fix


def test_a_queue_that_the_edge_s_connections_can_not_fill_is_named(prepared: Prepared) -> None:
    prepared.edit("config.properties", "job_queue_size=100", "job_queue_size=100000")
    (found,) = config_traps.findings(prepared.wanted)
    assert (found.state, "job_queue_size 100000 is above the " in found.found) == (LOOK, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"1.0": 90', '"1.0": 80', "the weights add up to 90"),
        ('"1.0": 90', "1.0: 90", "in quotes"),
        ("sticky_header:", "stickyheader:", "sticky_header"),
        ("address: 127.0.0.1 ", "address: 0.0.0.0 ", "take everybody's requests"),
        ("tls: null", "tls: {certificate: none.pem, key: none.key}", "No such file"),
        ("max_body_bytes: 16000000", "max_body_bytes: 99000000", "max_request_size"),
    ],
)
def test_what_traffic_yaml_may_not_say_is_shown_as_a_start_would(
    old: str, new: str, said: str, prepared: Prepared
) -> None:
    prepared.edit("traffic.yaml", old, new)
    found = broken(prepared)
    assert said in found.found + found.fix


def all_to_the_shadow(prepared: Prepared) -> None:
    prepared.edit("traffic.yaml", '"1.0": 90', '"1.0": 100')
    prepared.edit("traffic.yaml", '"2.0": 10', '"2.0": 0')
    prepared.edit("traffic.yaml", "shadow: null", 'shadow: {version: "1.0", percent: 10}')


def nothing_sticks(prepared: Prepared) -> None:
    prepared.edit("traffic.yaml", "sticky_header: x-user-id", "sticky_header: null")
    prepared.edit("traffic.yaml", "sticky_cookie: {name: version_key, ttl_s: 2592000}", "sticky_cookie: null")


def greedy_keys(prepared: Prepared) -> None:
    prepared.edit("traffic.yaml", "at_once: auto", "at_once: 500")


def limits_of_nobody(prepared: Prepared) -> None:
    prepared.edit("traffic.yaml", "requests_per_s: null", "requests_per_s: 5")


@pytest.mark.parametrize("trap", [all_to_the_shadow, nothing_sticks, greedy_keys, limits_of_nobody])
def test_a_trap_of_traffic_yaml_is_named_with_its_fix(trap: Callable[[Prepared], None], prepared: Prepared) -> None:
    trap(prepared)
    (found,) = traffic_traps.findings(prepared.wanted)
    assert (found.state, bool(found.fix)) == (LOOK, True)


def test_keys_that_others_may_write_are_refused_and_no_hash_is_shown(prepared: Prepared) -> None:
    path = prepared.folder / "keys.yaml"
    text, key = keys.with_new(path, "line-4", {})
    path.write_text(text)
    path.chmod(0o600)
    assert operators_files.read(prepared.environment).wanted is not None
    path.chmod(0o666)
    found = broken(prepared)
    assert "chmod 600" in found.fix
    assert keys.hashed(key.partition(".")[2]) not in found.found + found.fix


def test_a_folder_of_keys_that_everybody_may_write_is_named(prepared: Prepared) -> None:
    path = prepared.folder / "keys.yaml"
    path.write_text(keys.with_new(path, "line-4", {})[0])
    path.chmod(0o600)
    prepared.folder.chmod(0o777)
    assert any(finding.check == "keys.yaml" for finding in traffic_traps.findings(prepared.wanted))
