"""What the Dockerfile and .dockerignore say, and that their readers pass over nothing. Nothing is built here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.serving import supervisor
from scripts.serving.places import REPOSITORY, Ports
from tests.image import context, dockerfile

TEXT = (REPOSITORY / "Dockerfile").read_text()
READ = dockerfile.read(TEXT)
IGNORED = context.read((REPOSITORY / ".dockerignore").read_text())
PAGE = (REPOSITORY / "docs" / "image.md").read_text()


def instructions(name: str) -> list[str]:
    return [each.text for stage in READ.stages for each in stage.instructions if each.name == name]


@pytest.mark.parametrize(
    "line", ["ADD a b", "VOLUME /srv/run", "COPY --chown=1:1 a b", "SHELL bash", "HEALTHCHECK --retries=3 CMD []"]
)
def test_an_instruction_that_is_not_known_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        dockerfile.read(f"FROM python AS x\n{line}\n")


def test_lines_that_go_on_are_one_instruction() -> None:
    [stage] = dockerfile.read("FROM python AS x\n# why\nRUN a \\\n    && b\n").stages
    assert [each.text for each in stage.instructions] == ["a && b"]


def test_a_command_in_shell_form_is_refused() -> None:
    with pytest.raises(json.JSONDecodeError):
        dockerfile.Instruction("ENTRYPOINT", "python -m scripts.serve").exec_form()


def test_the_base_image_is_pinned_to_a_patch_version() -> None:
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", READ.arguments["PYTHON_IMAGE"])


def test_the_user_is_a_number_and_not_root() -> None:
    assert instructions("USER") == ["10001:10001"]


def test_the_edges_port_is_the_only_one_exposed() -> None:
    assert instructions("EXPOSE") == [str(Ports().edge)]


def test_packages_come_from_the_serving_lock_with_their_hashes() -> None:
    first, second = [text for text in instructions("RUN") if "pip" in text and "install" in text]
    assert first.endswith("install --no-deps --require-hashes -r requirements-serve.lock")
    assert "torch_requirement()" in second
    assert "requirements.lock" not in TEXT


@pytest.mark.parametrize(
    "path",
    [
        *(".venv/bin/python", ".git/config", "run/access.log", "runs/a.log", "tests/conftest.py", "requirements.lock"),
        *(
            "models/elpv/checkpoint.safetensors",
            "models/imagenet/images/a.jpg",
            "model_store/test/mobilenet_v3-1.0.mar",
        ),
        *("model_store/mobilenet_v3-1.0.gate.json", "scripts/__pycache__/serve.cpython-311.pyc", ".env"),
    ],
)
def test_the_builder_does_not_get_to_see(path: str) -> None:
    assert context.left_out(Path(path), IGNORED)


@pytest.mark.parametrize(
    "path",
    [
        *("scripts/serve.py", "scripts/serving/edge.py", "handler/service.py", "deploy/edge/bootstrap.yaml.j2"),
        *("models/elpv/spec.yaml", "models/imagenet/labels.txt", "model_store/mobilenet_v3-1.0.mar.sha256"),
        *("web/index.html", "web/assets/main.js", "web/docs/swagger-ui-bundle.js"),
    ],
)
def test_the_builder_gets_to_see(path: str) -> None:
    assert not context.left_out(Path(path), IGNORED)


def test_a_pattern_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="is not known"):
        context.read("*.p[yz]\n")


def test_the_page_names_a_grace_period_that_is_as_long_as_a_stop_can_take() -> None:
    named = {
        int(number) for number in re.findall(r"(?:--stop-timeout|--time|terminationGracePeriodSeconds:) (\d+)", PAGE)
    }
    [seconds] = named
    assert seconds >= supervisor.STOP_WITHIN_S


def hadolint(path: Path) -> str:
    """Return what hadolint, which is one of the development packages, says of a Dockerfile."""
    command = [Path(sys.executable).with_name("hadolint"), path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout + done.stderr == "")
    return done.stdout + done.stderr


def test_hadolint_finds_nothing() -> None:
    assert hadolint(REPOSITORY / "Dockerfile") == ""


def test_hadolint_finds_an_image_without_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM python\n")
    assert "DL3006" in hadolint(path)
