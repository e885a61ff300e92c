"""The manifests for the archives that are here: those that are committed are for somebody else's."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.kubernetes import manifests, names, render
from scripts.pipeline import archive
from scripts.serving.installation import Installation
from tests.kubernetes import built
from tests.kubernetes.pod.manifest import Pod, pod

OVERLAY = "overlays/local"
_FILE = "kustomization.yaml"
_EXAMPLE = "https://archives.example.com/mobilenet"


@dataclass(frozen=True)
class Component:
    """One of deploy/kubernetes/components; `address` is what its example is replaced by."""

    name: str
    address: str | None = None


def local(folder: Path, digests: Mapping[str, str], version: str, component: Component | None = None) -> Pod:
    """Return a version's pod, as `kubectl kustomize` renders it from a copy of deploy/kubernetes in `folder`.

    Args:
        folder: new.
        digests: by version, for all of traffic.yaml's.
        version: whose pod.
        component: one that the overlay has not.
    """
    shutil.copytree(built.FOLDER, folder)
    render.write(folder, render.changes(folder, manifests.render(Installation.read({}), digests)))
    if component:
        _add(component, folder)
    return pod(built.kustomize(folder / OVERLAY), names.of(version))


def digests(*archives: Path) -> dict[str, str]:
    """Return the digest of each archive, by its version."""
    return {path.stem.rpartition("-")[2]: archive.digest(path) for path in archives}


def _add(component: Component, folder: Path) -> None:
    """Do as the components' own words say: name it in the overlay, and put an address in the example's place."""
    _replace(folder / OVERLAY / _FILE, "\ncomponents:\n", f"\ncomponents:\n  - ../../components/{component.name}\n")
    if component.address:
        _replace(folder / "components" / component.name / _FILE, _EXAMPLE, component.address)


def _replace(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text, f"{file}: no {before!r}"
    file.write_text(text.replace(before, after))
