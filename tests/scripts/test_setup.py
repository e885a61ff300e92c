import fcntl
import hashlib
import io
import itertools
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts import setup


def locked() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", setup.LOCK.read_text(), flags=re.MULTILINE))


def test_every_dependency_but_torch_is_locked_with_a_hash() -> None:
    project = tomllib.loads(setup.PYPROJECT.read_text())["project"]
    wanted = [*project["dependencies"], *itertools.chain.from_iterable(project["optional-dependencies"].values())]
    names = {re.split(r"[=<>\[ ]", requirement)[0].replace(".", "-") for requirement in wanted}
    assert names - set(locked()) == {"torch"}
    assert len(re.findall(r"==\S+ \\\n    --hash=sha256:", setup.LOCK.read_text())) == len(locked())


def test_the_lock_names_no_place_of_the_machine_that_made_it() -> None:
    assert not re.search(r"[ (]/|file:|https?:", setup.LOCK.read_text())


def test_a_cpu_index_is_used_for_torch_alone() -> None:
    first, second = setup.install_commands("https://example.org/cpu")
    assert "https://example.org/cpu" not in first
    assert second[-3:] == ["--index-url", "https://example.org/cpu", setup.torch_requirement()]


def test_another_index_or_lock_makes_the_environment_anew() -> None:
    assert setup.wanted(None) != setup.wanted("https://example.org/cpu")
    assert setup.wanted(None) == setup.wanted(None)


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what set-ups of a test did, in the order in which they did it."""
    steps: list[str] = []
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "STAMP", tmp_path / ".ready")
    monkeypatch.setattr(setup, "CLIENT", tmp_path)
    monkeypatch.setattr(setup, "make_environment", lambda _: steps.append("environment"))
    monkeypatch.setattr(setup, "first_failure", lambda commands: steps.extend(command[-1] for command in commands))
    monkeypatch.setattr(sys, "argv", ["setup"])
    (tmp_path / "pyproject.toml").write_text("version = 1")
    return steps


def test_a_second_set_up_does_nothing_and_a_changed_client_is_installed_alone(done: list[str], tmp_path: Path) -> None:
    assert setup.main() == setup.main() == 0
    assert done == ["environment", str(tmp_path)]
    (tmp_path / "pyproject.toml").write_text("version = 2")
    assert setup.main() == setup.main() == 0
    assert done == ["environment", str(tmp_path), str(tmp_path)]


def test_an_environment_of_before_the_client_is_not_made_anew(done: list[str], tmp_path: Path) -> None:
    setup.STAMP.write_text(f"{setup.wanted(None)}\n\n")
    assert setup.main() == 0
    assert done == [str(tmp_path)]


def test_the_client_is_installed_from_its_path_and_nothing_is_asked_of_an_index() -> None:
    command = setup.client_command()
    assert {"--no-deps", "--no-index", "--no-build-isolation", "--editable"} <= set(command)
    assert Path(sys.executable).with_name("mobilenet-v3").is_file(), "`make setup` installs it"


def test_the_environment_is_not_taken_from_under_a_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    assert not setup.server_runs()
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert setup.server_runs()
    assert not setup.server_runs()


@pytest.mark.parametrize(
    "made", ["", f"{setup.wanted(None)}\n\n"], ids=["to be made", "only the client to be installed"]
)
def test_an_environment_that_is_shared_by_a_link_is_left_as_it_is(
    made: str, done: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    setup.VENV.symlink_to(shared)
    setup.STAMP.write_text(made)
    assert (setup.main(), done) == (1, [])
    assert f"a link to {shared}; remove the link, or set up there." in capsys.readouterr().err
    assert setup.STAMP.read_text() == made


@dataclass(frozen=True)
class Registry:
    """A folder in the place of PyPI, and what the first command of `make setup` makes of a lock."""

    folder: Path

    def wheel(self, code: str) -> str:
        """Offer `example` 1.0 as a wheel with `code` and return its SHA-256."""
        path = self.folder / "example-1.0-py3-none-any.whl"
        about = "example-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("example.py", code)
            archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: example\nVersion: 1.0\n")
            archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{about}/RECORD", "")
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def source(self, code: str) -> str:
        """Offer it as a source distribution whose setup.py is `code` and return its SHA-256."""
        path = self.folder / "example-1.0.tar.gz"
        files = {"setup.py": code, "PKG-INFO": "Metadata-Version: 2.1\nName: example\nVersion: 1.0\n"}
        with tarfile.open(path, "w:gz") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(f"example-1.0/{name}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def install(self, digest: str, monkeypatch: pytest.MonkeyPatch) -> tuple[subprocess.CompletedProcess[str], Path]:
        """Return how the installation of the one that has `digest` ended, and where it is then."""
        lock, target = self.folder / "lock", self.folder / "installed"
        lock.write_text(f"example==1.0 \\\n    --hash=sha256:{digest}\n")
        monkeypatch.setattr(setup, "LOCK", lock)
        command = [sys.executable, *setup.install_commands(None)[0][1:], "--target", str(target)]
        offline = os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder), "PIP_NO_CACHE_DIR": "1"}
        return subprocess.run(command, env=offline, capture_output=True, text=True, check=False), target / "example.py"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def test_a_wheel_that_was_changed_after_the_lock_was_made_is_not_installed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = registry.wheel("good = True")
    done, installed = registry.install(digest, monkeypatch)
    assert (done.returncode, installed.read_text()) == (0, "good = True"), done.stderr
    installed.unlink()
    registry.wheel("good = False")
    done, installed = registry.install(digest, monkeypatch)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert f"Expected sha256 {digest}" in done.stderr
    assert not installed.exists()


def test_a_source_distribution_is_not_built_even_with_the_right_hash(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = registry.folder / "ran"
    digest = registry.source(f"open({str(ran)!r}, 'w').close()")
    done, _ = registry.install(digest, monkeypatch)
    assert done.returncode != 0
    assert "No matching distribution found for example==1.0" in done.stderr
    assert not ran.exists()
