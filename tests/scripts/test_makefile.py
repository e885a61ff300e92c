"""What somebody gives to make reaches the verb as it is, whatever it is; no part of it is run."""

import subprocess
from pathlib import Path

import pytest

from scripts.serving.places import REPOSITORY

# In the place of the verbs: prints each word that it is called with.
ECHO = "RUN=printf '<%s>\\n' verb"
# What make or a shell would take for something else, each with a command that leaves a trace.
TEXTS = {
    "blanks": "my  photos/a b.png",
    "quotes": """it's "here".png""",
    "substitution": "$(touch {trace}).png",
    "backticks": "`touch {trace}`.png",
    "end of a quote": '"; touch {trace}; echo "',
    "end of a line": "a\ntouch {trace}",
    "variable": "${{HOME}} $HOME $$ $(MAKE).png",
    "function of make": "$(shell touch {trace}).png",
    "glob and option": "--json * ?",
}


@pytest.fixture(params=TEXTS.values(), ids=TEXTS)
def text(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param).format(trace=tmp_path / "trace")


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # The environment is there, and whether it is up to date is not the question.
    command = ["make", "--no-print-directory", "--old-file=.venv/.ready", *words]
    inherited = {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment}
    return subprocess.run(command, cwd=REPOSITORY, env=inherited, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "name", "option"),
    [
        (["predict"], "IMAGE", ""),
        (["harvest"], "OUT", "--out"),
        (["train", "MODEL=pets"], "DATA", "--data"),
        (["train", "MODEL=pets"], "FROM", "--from"),
        (["archive", "VERSION=3.0", "PRECISION=int8"], "CHECKPOINT", "--checkpoint"),
        (["report"], "LABELS", "--labels"),
        (["register"], "VERSION", "--version"),
        (["load"], "TIME", "--seconds"),
        (["key"], "NAME", "--name"),
        (["new-model"], "NAME", "--name"),
        (["new-model", "NAME=pets"], "ARCHITECTURE", "--architecture"),
        (["key", "NAME=line-4"], "BURST", "--burst"),
        (["tune", "MODEL_STORE=model_store/test"], "IMAGES", "--images"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_text_is_one_word_of_the_verb_and_nothing_in_it_is_run(
    text: str, words: list[str], name: str, option: str, tmp_path: Path
) -> None:
    done = make(*words, f"{name}={text}", ECHO, "ARCHIVES=")
    assert done.returncode == 0, done.stderr
    assert f"<{option}>\n<{text}>\n" in done.stdout if option else f"<{text}>\n" in done.stdout
    assert not (tmp_path / "trace").exists()


def test_the_same_goes_for_the_environment(text: str, tmp_path: Path) -> None:
    done = make("predict", ECHO, IMAGE=text.strip("\n"))
    assert f"<{text}>\n" in done.stdout
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("name", ["MODEL", "MODEL_STORE"])
def test_what_names_files_of_make_is_refused_with_such_text_in_it(text: str, name: str, tmp_path: Path) -> None:
    done = make("archive", "VERSION=3.0", "PRECISION=int8", f"{name}={text}", ECHO)
    assert done.returncode == 2
    assert f"*** {name}=" in done.stderr
    assert not (tmp_path / "trace").exists()


def test_a_split_and_several_folders_of_logs_are_words_of_their_own() -> None:
    assert "<1.0=50>\n<2.0=50>\n" in make("split", "SPLIT=1.0=50 2.0=50", ECHO).stdout
    assert "<run>\n<*/run>\n" in make("report", "LOGS=run */run", ECHO).stdout


def test_a_folder_of_logs_with_a_blank_in_its_name_is_the_one_that_is_cleaned(tmp_path: Path) -> None:
    for name in ("my run", "my", "run"):
        (tmp_path / name).mkdir()
    done = make("clean", "ARCHIVES=", "TEST_STORE=", "BIN=/nowhere", f"RUN_DIR={tmp_path / 'my run'}")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my", "run"]


@pytest.mark.parametrize("value", ["0", "no"])
def test_a_key_is_revoked_by_1_alone(value: str) -> None:
    done = make("key", "NAME=line-4", f"REVOKE={value}", ECHO)
    assert done.returncode == 2
    assert f"*** REVOKE={value}: 1, or nothing" in done.stderr
    assert "--revoke" in make("key", "NAME=line-4", "REVOKE=1", ECHO).stdout
