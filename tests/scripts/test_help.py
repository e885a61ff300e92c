"""`make` shows every verb with its variables, in groups, in lines that fit a terminal."""

import re
import subprocess
from collections.abc import Mapping

import pytest

from scripts.serving.places import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text()
PHONY = re.findall(r"\S+", " ".join(re.findall(r"^\.PHONY:(.*)", MAKEFILE, flags=re.MULTILINE)))
# What the recipes get from the Makefile itself.
_ITS_OWN = {
    "RUN",
    "BIN",
    "ON",
    "VENV",
    "MAKEFILE_LIST",
    "TEST_STORE",
    "MODEL_STORE",
    "ARCHIVES",
    "READY",
    "RUN_DIR",
    "PYTHON",
}


@pytest.fixture(scope="module")
def shown() -> str:
    return subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def verbs(shown: str) -> Mapping[str, str]:
    """Return each verb's lines."""
    parts = re.split(r"^  (?=\S)", shown, flags=re.MULTILINE)[1:]
    return {part.split()[0]: part for part in parts}


def recipe(verb: str) -> str:
    found = re.search(rf"^{verb}:.*\n((?:\t.*\n)+)", MAKEFILE, flags=re.MULTILINE)
    return found[1] if found else ""


def test_every_verb_has_a_line_in_a_group(shown: str, verbs: Mapping[str, str]) -> None:
    assert verbs.keys() == set(PHONY)
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE)
    assert set(targets) == set(PHONY), "a verb that is not .PHONY would not be run beside a file of its name"
    groups = [line for line in shown.splitlines() if line and not line.startswith(" ")]
    assert len(groups) > 4
    assert shown.index(groups[0]) < shown.index(f"  {PHONY[0]} ")


def test_the_verbs_that_print_no_json_are_those_that_the_readme_excepts() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    excepted = re.findall(r"also takes `--json`, but for\n(.*)\.\n", readme)[0]
    scripts = REPOSITORY / "scripts"
    modules = {verb: scripts / f"{verb.replace('-', '_')}.py" for verb in PHONY} | {
        "kind": scripts / "kubernetes/kind.py"
    }
    silent = {verb for verb, module in modules.items() if module.is_file() and '"--json"' not in module.read_text()}
    assert silent == set(re.findall(r"`([\w-]+)`", excepted))


def test_no_line_is_wider_than_a_terminal(shown: str) -> None:
    assert [line for line in shown.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize("verb", PHONY)
def test_a_verb_s_variables_are_shown(verb: str, verbs: Mapping[str, str]) -> None:
    used = set(re.findall(r"\$\$\{?([A-Z][A-Z0-9_]+)|\$\((?:if )?(?:call need,)?([A-Z][A-Z0-9_]+)", recipe(verb)))
    names = {first or second for first, second in used} - _ITS_OWN - {"FROM_IS_GIVEN"}
    assert {name for name in names if f"{name}=" not in verbs[verb]} == set()


def test_help_is_what_make_does_alone(shown: str) -> None:
    assert subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout == shown
