"""`make kind`, with programs in the place of docker, kind and helm that write down what they were asked for."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.serving.places import REPOSITORY
from tests.kubernetes.built import FOLDER, KUBECTL

pytestmark = pytest.mark.operations

# kubectl's answers: an overlay as it is, and a cluster without Deployments.
PROGRAM = """\
#!/bin/sh
echo "${0##*/} $*" >> "$CALLS"
case "${0##*/} $*" in
"$FAILING"*) echo "out of order" >&2; exit 7;;
"kubectl kustomize "*) exec "$KUBECTL" "$@";;
"kubectl "*" get deployment"*) echo '{"items": []}';;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A PATH with nothing on it but what `PROGRAM` stands in for."""

    folder: Path
    model_store: Path

    def kind(self, failing: str = "nothing") -> subprocess.CompletedProcess[str]:
        """Return what `make kind` prints, where calls that begin with `failing` fail."""
        environment = {
            **os.environ,
            "PATH": str(self.folder / "bin"),
            "CALLS": str(self.folder / "calls"),
            "FAILING": failing,
            "KUBECTL": str(KUBECTL),
            "MODEL_STORE": str(self.model_store.resolve()),
            "MANIFESTS": str(self.folder / "kubernetes"),
            "TORCH_INDEX": "https://example.com/cpu",
        }
        argv = [sys.executable, "-m", "scripts.kubernetes.kind"]
        return subprocess.run(
            argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def calls(self) -> list[str]:
        """Return the program and the first two words of each call."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [" ".join(word for word in line.split() if not word.startswith("--"))[:40] for line in lines]


@pytest.fixture
def machine(tmp_path: Path, int8_archive: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    for program in ("docker", "kind", "helm", "kubectl"):
        (tmp_path / "bin" / program).write_text(PROGRAM)
        (tmp_path / "bin" / program).chmod(0o755)
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    return Machine(tmp_path, int8_archive.parent)


def test_the_cluster_the_image_the_gateway_and_the_manifests_come_one_after_the_other(machine: Machine) -> None:
    done = machine.kind()
    assert done.returncode == 0, done.stderr
    steps = [call.split()[:2] for call in machine.calls()]
    assert steps == [
        ["kind", "get"],
        ["kind", "create"],
        ["docker", "build"],
        ["kind", "load"],
        ["helm", "upgrade"],
        ["kubectl", "apply"],
        ["kubectl", "kustomize"],
        ["kubectl", "get"],
    ]
    text = (machine.folder / "calls").read_text()
    assert "docker build --build-arg TORCH_INDEX=https://example.com/cpu --tag mobilenet:local" in text
    assert "kubectl --context=kind-mobilenet apply --server-side" in text
    assert "port-forward" in done.stdout


def test_the_pods_find_the_digests_of_the_archives_that_are_built_in(machine: Machine) -> None:
    machine.kind()
    digest = (machine.model_store / "mobilenet_v3-2.0.mar.sha256").read_text().split()[0]
    files = machine.folder / "kubernetes" / "base" / "generated" / "versions" / "2.0" / "kustomization.yaml"
    assert f"ARCHIVE_SHA256={digest}" in files.read_text()


def test_a_step_that_fails_ends_it_with_its_name(machine: Machine) -> None:
    done = machine.kind(failing="docker build")
    assert done.returncode == 1
    assert "docker ended with status 7" in done.stderr
    assert [call.split()[0] for call in machine.calls()] == ["kind", "kind", "docker"]


def test_programs_that_are_missing_are_named_before_anything_happens(machine: Machine) -> None:
    (machine.folder / "bin" / "helm").unlink()
    done = machine.kind()
    assert "not on the PATH: helm (https://helm.sh" in done.stderr
    assert not (machine.folder / "calls").exists()
