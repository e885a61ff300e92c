"""Archives, models, and what a server left behind."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import doctor
from scripts.doctoring import archives, installed, leftovers, specs
from scripts.doctoring.finding import BROKEN, LOOK, OK
from scripts.serving import ejections, processes
from scripts.serving.places import REPOSITORY, Ports
from scripts.serving.processes import Record
from scripts.serving.state import State
from tests.scripts.doctoring.conftest import Prepared


def test_archives_that_are_whole_are_in_order(prepared: Prepared) -> None:
    looked = archives.look_at(prepared.wanted)
    assert [finding.state for finding in looked.findings] == [OK, OK]
    assert looked.whole.keys() == {"1.0", "2.0"}


def test_a_version_without_archive_is_broken_and_one_that_serve_builds_is_not(prepared: Prepared) -> None:
    (prepared.folder / "store/mobilenet_v3-2.0.mar").unlink()
    found = archives.look_at(prepared.wanted).findings[1]
    assert (found.state, found.fix) == (LOOK, "make serve builds it, or: make archive VERSION=2.0 PRECISION=int8")
    prepared.edit("traffic.yaml", '"2.0": 10', '"3.0": 10')
    found = archives.look_at(prepared.wanted).findings[1]
    assert (found.state, found.fix) == (BROKEN, "make archive VERSION=3.0 PRECISION=float32|int8")


def test_a_changed_archive_is_broken(prepared: Prepared) -> None:
    path = prepared.folder / "store/mobilenet_v3-1.0.mar"
    path.write_bytes(path.read_bytes() + b"\0")
    found = archives.look_at(prepared.wanted).findings[0]
    assert (found.state, "changed since it was built" in found.found) == (BROKEN, True)


@pytest.mark.parametrize("written", ["2", "v2.0"])
def test_a_version_that_is_there_under_a_like_name_is_pointed_at(written: str, prepared: Prepared) -> None:
    prepared.edit("traffic.yaml", '"2.0": 10', f'"{written}": 10')
    found = archives.look_at(prepared.wanted).findings[1]
    assert (found.state, 'write "2.0"' in found.fix) == (BROKEN, True)


def test_a_shadow_that_is_not_there_is_broken(prepared: Prepared) -> None:
    prepared.edit("traffic.yaml", "shadow: null", 'shadow: {version: "9.0", percent: 10}')
    assert [finding.state for finding in archives.look_at(prepared.wanted).findings] == [OK, OK, BROKEN]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    for name in ("elpv", "elpv_teacher"):
        (folder / name).mkdir(parents=True)
        for file in ("spec.yaml", "split.csv"):
            if (REPOSITORY / "models" / name / file).is_file():
                shutil.copy(REPOSITORY / "models" / name / file, folder / name)
    return folder


def changed(models: Path, old: str, new: str) -> list[str]:
    path = models / "elpv" / "spec.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return [finding.state for finding in specs.findings(models)]


def test_models_are_counted_and_those_that_were_trained_named(models: Path) -> None:
    assert specs.findings(models)[0].found == "2 read; with weights: none"
    shutil.copy(REPOSITORY / "models/elpv/checkpoint.safetensors", models / "elpv")
    (found,) = specs.findings(models)
    assert (found.state, found.found) == (OK, "2 read; with weights: elpv")


def test_a_spec_that_can_not_be_read_is_broken(models: Path) -> None:
    assert changed(models, "architecture:", "architekture:") == [BROKEN]


def test_two_models_of_one_name_are_broken(models: Path) -> None:
    assert changed(models, "name: mobilenet_v3", "name: elpv_teacher") == [BROKEN]


def test_a_model_whose_images_have_gone_is_looked_at(models: Path) -> None:
    assert changed(models, "{source: elpv,", "{source: folder, folder: gone/photos,") == [LOOK]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


def recorded(run: Path) -> State:
    """Write down a server whose supervisor is this process."""
    return State("serving", Record.of(os.getpid(), session=False), Ports(), "http://127.0.0.1:8000", "elpv").save(run)


def test_a_server_that_runs_is_in_order_and_a_version_that_was_taken_out_is_not(run: Path) -> None:
    assert [finding.state for finding in leftovers.findings(run)] == [OK]
    recorded(run)
    assert [finding.state for finding in leftovers.findings(run)] == [OK]
    ejections.eject(run, "2.0", "three ends within a minute")
    found = leftovers.findings(run)
    assert [finding.state for finding in found] == [OK, BROKEN]
    assert "three ends within a minute" in found[1].found


def test_one_that_was_killed_is_looked_at_and_what_it_left_running_is_broken(run: Path) -> None:
    gone = replace(recorded(run).supervisor, created_s=1.0)
    state = replace(recorded(run), supervisor=gone).save(run)
    assert [finding.state for finding in leftovers.findings(run)] == [LOOK]
    argv = [sys.executable, "-c", "input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True) as child:
        state.with_server("envoy", Record.of(child.pid)).save(run)
        found = leftovers.findings(run)
        assert child.stdin
        child.stdin.close()
    assert [(finding.state, finding.fix) for finding in found] == [(BROKEN, "make stop")]
    assert f"envoy (pid {child.pid})" in found[0].found
    assert not processes.Record(child.pid, 1.0).alive()


def test_a_record_that_can_not_be_read_is_broken_and_nothing_is_said_of_what_depends_on_it(prepared: Prepared) -> None:
    run = prepared.folder / "run"
    recorded(run)
    (run / "state.json").write_text("{")
    assert [finding.state for finding in leftovers.findings(run)] == [BROKEN]
    checks = [finding.check for finding in installed.findings(prepared.environment)]
    assert "server" in checks
    assert "ports" not in checks


def said(prepared: Prepared, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit status of the command, in this process: another one would load torch first."""
    for name, value in prepared.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["doctor", *words])
    return doctor.main()


def test_the_command_ends_with_1_where_something_is_broken_and_says_how_to_mend_it(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (prepared.folder / "store/mobilenet_v3-2.0.mar").write_bytes(b"")
    assert said(prepared, monkeypatch) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("broken"))
    assert "archive of 2.0" in lines[at]
    assert lines[at + 1].strip() == "→ make archive VERSION=2.0 PRECISION=int8"
    assert lines[-1].startswith("1 broken, ")


def test_the_object_has_every_finding_and_the_command_ends_with_0_where_nothing_is_broken(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(prepared, monkeypatch, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["broken"] == 0
    assert len(found["findings"]) == found["ok"] + found["look"]
    assert {"Java", "Envoy", "memory", "ports", "int8 of this CPU"} <= {each["check"] for each in found["findings"]}
