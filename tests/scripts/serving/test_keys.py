"""keys.yaml: names and hashes, read strictly and rewritten without losing a comment."""

import os
import re
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving import exposure, keys
from scripts.serving.installation import Installation
from scripts.serving.processes import Record
from scripts.serving.state import State

HASH = keys.hashed("secret")


def made(path: Path, name: str, **limits: int) -> str:
    text, key = keys.with_new(path, name, limits)
    replace_file(path, text, 0o600)
    return key


def refusal(path: Path, text: str) -> str:
    replace_file(path, text, 0o600)
    with pytest.raises(UserError) as raised:
        keys.read(path)
    return str(raised.value)


def test_without_a_file_there_are_no_keys(tmp_path: Path) -> None:
    assert keys.read(tmp_path / "keys.yaml") == {}


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_has_no_keys_and_takes_one(content: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    replace_file(path, content, 0o600)
    assert keys.read(path) == {}
    made(path, "line-4")
    assert list(keys.read(path)) == ["line-4"]


def test_a_new_key_has_192_random_bits_and_the_file_has_its_hash_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    key, other = made(path, "line-4", requests_per_s=20), made(path, "line-5")
    name, _, secret = key.partition(".")
    assert name == "line-4"
    assert re.fullmatch(r"[\w-]{32}", secret)
    assert secret not in other
    assert secret not in path.read_text()
    read = keys.read(path)
    assert (read["line-4"].hash, read["line-4"].requests_per_s) == (keys.hashed(secret), 20)
    # As `htpasswd -s` would write it.
    assert keys.hashed("password") == "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="


def test_a_revoked_key_is_gone_and_the_others_and_every_comment_stay(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    replace_file(path, f"# ours\nann: {{hash: '{HASH}'}}\n# of the second line\nbob: {{hash: '{HASH}'}}\n", 0o600)
    replace_file(path, keys.without(path, "ann"), 0o600)
    assert list(keys.read(path)) == ["bob"]
    assert "# ours" in path.read_text()
    replace_file(path, keys.without(path, "bob"), 0o600)
    assert keys.read(path) == {}
    assert made(path, "carl").startswith("carl.")


def test_a_name_is_taken_once_so_that_a_rotation_has_two(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    made(path, "line-4")
    with pytest.raises(UserError, match=r"has a key line-4; make the new one under another name, such as line-4-b"):
        keys.with_new(path, "line-4", {})
    with pytest.raises(UserError, match=r"NAME=a b: use letters"):
        keys.with_new(path, "a b", {})
    with pytest.raises(UserError, match=r"has no key line-5; it has line-4"):
        keys.without(path, "line-5")


def test_a_mistake_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    # It may be a key that somebody took for a hash: not shown.
    assert refusal(path, "ann: {hash: secret}\n").endswith("ann: `hash` is none; `make key NAME=ann-b` writes one.")
    assert "ann: unknown key `limit`" in refusal(path, f"ann: {{hash: '{HASH}', limit: 3}}\n")
    assert "`requests_per_s`: Input should be greater" in refusal(path, f"ann: {{hash: '{HASH}', requests_per_s: 0}}\n")
    assert "ann: `hash` is none" in refusal(path, "ann: secret\n")
    assert "the name 7; use letters" in refusal(path, "7: {}\n")
    assert "no valid YAML in line 2" in refusal(path, "ann: {\n")
    assert "it must hold names" in refusal(path, "- ann\n")


def test_who_may_write_the_file_could_add_a_key_so_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    made(path, "ann")
    path.chmod(0o662)
    with pytest.raises(UserError, match=rf"others may write it, and so add a key; `chmod 600 {path}`"):
        keys.read(path)
    # Where it is mounted from a secret, anybody may read it: there are hashes in it.
    path.chmod(0o444)
    assert list(keys.read(path)) == ["ann"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7"])
def test_an_address_that_others_reach_is_refused_without_a_key(address: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    environment = {"EDGE_ADDRESS": address, "KEYS": str(path)}
    with pytest.raises(UserError, match=r"take everybody's requests: .*keys.yaml has no key; make one with `make key"):
        exposure.require(Installation.read(environment))
    made(path, "ann")
    exposure.require(Installation.read(environment))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
def test_loopback_needs_no_key(address: str, tmp_path: Path) -> None:
    exposure.require(Installation.read({"EDGE_ADDRESS": address, "KEYS": str(tmp_path / "keys.yaml")}))


def test_a_running_edge_is_not_left_without_a_key_by_a_traffic_yaml_that_names_loopback_by_now(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    wanted = Installation.read({"RUN_DIR": str(tmp_path), "KEYS": str(path)})
    myself = Record.of(os.getpid(), session=False)
    State("serving", myself, wanted.ports, wanted.url, wanted.model, address="0.0.0.0").save(tmp_path)
    with pytest.raises(UserError, match=r"would listen at 0\.0\.0\.0 and take everybody's requests"):
        exposure.require_key(wanted)
