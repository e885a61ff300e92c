"""What is looked at before anything is installed."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import setup
from scripts.doctoring import disk, machine, python, variables
from scripts.doctoring.finding import BROKEN, LOOK, OK
from scripts.serving.places import REPOSITORY

SECRET = "hunter2"


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where `.venv` would be; nothing is there."""
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "STAMP", tmp_path / ".venv" / ".ready")
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))
    return tmp_path / ".venv"


def made(venv: Path, index: str = "") -> None:
    venv.mkdir()
    (venv / ".ready").write_text(f"{setup.wanted(index or None)}\n{index}\n{setup.wanted_client()}\n")


def states(environment: dict[str, str]) -> dict[str, str]:
    return {finding.check: finding.state for finding in python.findings(environment, (3, 11))}


def test_another_python_is_told_which_one_is_needed() -> None:
    assert python.findings({}, (3, 9))[0].state == BROKEN
    assert "make setup PYTHON=" in python.findings({}, (3, 9))[0].fix


def test_an_environment_that_is_not_made_is_broken_and_one_of_another_lock_file_is_looked_at(
    venv: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert states({})[".venv"] == BROKEN
    made(venv)
    assert states({})[".venv"] == OK
    (venv / ".ready").write_text(setup.stamped().replace(setup.wanted_client(), "of before"))
    assert states({})[".venv"] == LOOK
    (venv / ".ready").write_text(setup.stamped().replace("of before", setup.wanted_client()))
    assert states({})[".venv"] == OK
    changed = tmp_path / "requirements.lock"
    changed.write_text("another==1.0\n")
    monkeypatch.setattr(setup, "LOCK", changed)
    assert states({})[".venv"] == LOOK


@pytest.mark.parametrize(
    "address", [f"me:{SECRET}@example.org/cpu", f"example.org/cpu?token={SECRET}", f"example.org/cpu#{SECRET}"]
)
def test_the_index_of_torch_is_remembered_and_its_secrets_are_not_shown(venv: Path, address: str) -> None:
    made(venv, f"https://{address}")
    found = python.findings({}, (3, 11))[-1]
    assert (found.state, SECRET in found.found) == (OK, False)
    assert "example.org/cpu" in found.found
    other = python.findings({"TORCH_INDEX": f"https://{address.replace('.org', '.com')}"}, (3, 11))[-1]
    assert (other.state, SECRET in other.found + other.fix) == (LOOK, False)


@pytest.mark.parametrize(
    ("environment", "state"),
    [
        ({"http_proxy": f"http://me:{SECRET}@proxy:3128"}, LOOK),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "example.org"}, LOOK),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "localhost,127.0.0.1"}, OK),
        ({"ALL_PROXY": "socks5://proxy", "NO_PROXY": "*"}, OK),
        ({"PYTHONPATH": "/mine"}, LOOK),
        ({"HANDLER_THREADS": "4"}, LOOK),
        ({"API_KEY": SECRET}, OK),
    ],
    ids=str,
)
def test_variables_that_stand_in_the_way_or_do_nothing_are_named(environment: dict[str, str], state: str) -> None:
    found = variables.findings(environment)
    assert {finding.state for finding in found} == {state}
    assert SECRET not in str(found)


def test_a_proxy_is_told_to_leave_this_machine_alone_beside_what_it_leaves_alone() -> None:
    found = variables.findings({"http_proxy": "http://proxy", "no_proxy": "example.org"})[0]
    assert found.fix == "export no_proxy=127.0.0.1,localhost,example.org"


def test_few_file_descriptors_are_looked_at_and_too_few_are_broken() -> None:
    wanted = {resource.RLIM_INFINITY: OK, 20_000: OK, 1024: LOOK, 256: BROKEN}
    assert {hard: machine.descriptors(hard).state for hard in wanted} == wanted


def test_files_of_the_future_are_named_since_make_goes_by_their_times(tmp_path: Path) -> None:
    path = tmp_path / "Makefile"
    path.touch()
    now_s = path.stat().st_mtime
    assert machine.clock(tmp_path, now_s).state == OK
    early = machine.clock(tmp_path, now_s - 3600)
    assert (early.state, "touch Makefile" in early.fix) == (LOOK, True)
    assert machine.clock(tmp_path, 0).state == BROKEN


def test_a_disk_is_held_against_what_will_be_written(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    far = tmp_path / "not" / "there"
    assert disk.room("disk", far, "run directory", 0, free // 2).state == OK
    assert disk.room("disk", far, "run directory", 0, 2 * free).state == LOOK
    assert disk.room("disk", far, "run directory", 2 * free, 2 * free).state == BROKEN


def test_a_file_in_the_place_of_a_folder_is_broken(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    found = disk.room("disk", tmp_path / "run", "run directory")
    assert (found.state, found.fix) == (BROKEN, "set RUN_DIR to a folder that can")


def test_without_packages_it_says_what_it_can_and_then_make_setup() -> None:
    """The standard library alone, as of a Python that has just been installed."""
    command = [sys.executable, "-S", "-m", "scripts.doctor"]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["ok", "Python", "3.11"]
    assert any(line.startswith("broken  packages") and "is not installed" in line for line in lines)
    assert lines[-2].strip() == "→ make setup"
