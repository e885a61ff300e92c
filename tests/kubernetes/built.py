"""The manifests as `kubectl kustomize` builds them: the committed ones, and those of other operator's files."""

import copy
import functools
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from scripts.kubernetes import manifests, render
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY

Object = dict[str, Any]

FOLDER = REPOSITORY / "deploy" / "kubernetes"
OVERLAYS = sorted(path.parent.name for path in (FOLDER / "overlays").glob("*/kustomization.yaml"))
CONFIG = (REPOSITORY / "config.properties").read_text(encoding="utf-8")
# Of pyproject.toml's `kubernetes`; the environment's own, whatever else is on the PATH.
KUBECTL = Path(sys.executable).with_name("kubectl")


def kustomize(folder: Path) -> list[Object]:
    """Return the objects of a kustomization; one that can't be built is an error with kustomize's reason."""
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # With libyaml: the pure Python loader takes most of a second an overlay.
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


def overlay(name: str) -> list[Object]:
    """Return the objects of a committed overlay; they are the caller's own, to break."""
    return copy.deepcopy(_overlay(name))


@functools.cache
def _overlay(name: str) -> list[Object]:
    return kustomize(FOLDER / "overlays" / name)


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    [found] = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    return found


def digests(versions: list[str]) -> dict[str, str]:
    """Return the committed digests; another version gets one that is made up.

    Not those of built archives: these depend on the machine's CPU, and on no manifest.
    """
    committed = render.rendered_digests(FOLDER)
    return {version: committed.get(version) or hashlib.sha256(version.encode()).hexdigest() for version in versions}


def installation(folder: Path, traffic: str, config: str = CONFIG) -> Installation:
    """Return what is wanted by operator's files with these texts; they are written to `folder`."""
    files = {"TRAFFIC": folder / "traffic.yaml", "CONFIG": folder / "config.properties"}
    files["TRAFFIC"].write_text(traffic)
    files["CONFIG"].write_text(config)
    return Installation.read({name: str(path) for name, path in files.items()})


def rendered(wanted: Installation) -> dict[str, str]:
    return manifests.render(wanted, digests(wanted.traffic.versions))


def changed_copy(folder: Path, texts: Mapping[str, str]) -> Path:
    """Return a copy of deploy/kubernetes in `folder` that has `texts` for its generated files."""
    copied = folder / "kubernetes"
    shutil.copytree(FOLDER, copied)
    render.write(copied, render.changes(copied, texts))
    return copied
