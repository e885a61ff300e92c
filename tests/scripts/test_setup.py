import fcntl
import itertools
import re
import tomllib
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


def test_the_environment_is_not_taken_from_under_a_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    assert not setup.server_runs()
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert setup.server_runs()
    assert not setup.server_runs()
