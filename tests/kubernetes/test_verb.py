"""`make kubernetes` itself, on a copy of the manifests and with the tests' own archives."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.files import sha256
from scripts.kubernetes import render
from scripts.serving.places import REPOSITORY
from tests.conftest import MODEL_STORE
from tests.kubernetes import built
from tests.kubernetes.built import FOLDER

SETTINGS = "base/generated/versions/{}/kustomization.yaml"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what the verb writes to."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "kubernetes"))
    monkeypatch.setenv("MANIFESTS", str(folder))
    # Another shell's; the operator's files are the repository's here.
    for name in ("CONFIG", "TRAFFIC", "MODEL", "EDGE_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODEL_STORE", str(MODEL_STORE.resolve()))
    return folder


def test_the_digests_are_those_of_the_archives_in_the_model_store(
    copied: Path, float32_archive: Path, int8_archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("1.0", "2.0"):
        path = copied / SETTINGS.format(version)
        path.write_text(path.read_text().replace("ARCHIVE_SHA256=", "ARCHIVE_SHA256=0"))
    render.main(as_json=True)
    assert json.loads(capsys.readouterr().out) == {"changed": [SETTINGS.format("1.0"), SETTINGS.format("2.0")]}
    for version, archive in (("1.0", float32_archive), ("2.0", int8_archive)):
        assert f"ARCHIVE_SHA256={sha256(archive)}\n" in (copied / SETTINGS.format(version)).read_text()


@pytest.mark.usefixtures("float32_archive", "int8_archive")
def test_the_first_time_says_what_changed_and_the_second_that_all_is_up_to_date(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    route = copied / "base" / "generated" / "httproute.yaml"
    route.write_text(route.read_text().replace("weight: 90", "weight: 80"))
    render.main()
    said = capsys.readouterr().out
    assert "-      weight: 80\n+      weight: 90\n" in said
    assert f"changed in {copied}; apply an overlay, and commit them" in said
    render.main()
    assert capsys.readouterr().out == f"{copied} is up to date\n"


def test_an_archive_that_is_missing_is_named_and_nothing_is_written(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_STORE", str(tmp_path / "empty"))
    route = copied / "base" / "generated" / "httproute.yaml"
    route.write_text("mine\n")
    with pytest.raises(UserError, match=r"mobilenet_v3-1\.0\.mar"):
        render.main()
    assert route.read_text() == "mine\n"


@pytest.mark.usefixtures("float32_archive", "int8_archive")
def test_pods_may_have_more_workers_than_the_machine_that_renders_has_cores(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = built.CONFIG.replace(
        '"2.0": {"minWorkers": 1, "maxWorkers": 1', '"2.0": {"minWorkers": 512, "maxWorkers": 512'
    )
    (tmp_path / "config.properties").write_text(text)
    monkeypatch.setenv("CONFIG", str(tmp_path / "config.properties"))
    render.main(as_json=True)
    assert "cpu: '512'" in (copied / SETTINGS.format("2.0")).read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("status TARGET=kubernetes", "OVERLAY is missing; for example: make status TARGET=kubernetes OVERLAY=staging"),
        ("scale TARGET=kubernetes OVERLAY=local", "scale: not with TARGET=kubernetes"),
        ("retire TARGET=kubernetes OVERLAY=local", "retire: not with TARGET=kubernetes"),
        ("status TARGET=kubernetes OVERLAY=local WATCH=1", "WATCH=1: on one machine only"),
        ("status TARGET=cluster", "TARGET=cluster: kubernetes, or nothing"),
    ],
)
def test_make_does_not_act_here_when_it_was_told_there(words: str, sentence: str) -> None:
    done = subprocess.run(["make", *words.split()], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_a_target_of_somebody_elses_environment_is_none_of_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET", "x86_64")
    assert subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, check=False).returncode == 0
