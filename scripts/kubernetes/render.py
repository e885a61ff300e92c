"""Writes the manifests that follow from traffic.yaml and config.properties, and says what changed."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml

from scripts import cli
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.kubernetes import manifests
from scripts.kubernetes.wanted import held
from scripts.serving.installation import Installation
from scripts.serving.places import shown


@dataclass(frozen=True)
class Change:
    """One file, before and after; None where there is none."""

    path: Path
    before: str | None
    after: str | None

    def back(self) -> "Change":
        """Return what takes it back."""
        return Change(self.path, self.after, self.before)

    def text(self) -> str:
        """Return what is different, as a unified diff."""
        before, after = (text.splitlines(keepends=True) if text else [] for text in (self.before, self.after))
        name = str(self.path)
        return "".join(difflib.unified_diff(before, after, name, name, n=1))


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Bring the manifests to the operator's files; the archives have to be in the model store."""
    with held() as wanted:
        folder = wanted.places.manifests
        changed = bring(wanted)
    if as_json:
        print(json.dumps({"changed": [str(change.path) for change in changed]}))
    elif changed:
        print("".join(change.text() for change in changed), end="")
        print(f"{len(changed)} files changed in {shown(folder)}; apply an overlay, and commit them")
    else:
        print(f"{shown(folder)} is up to date")


def bring(wanted: Installation) -> list["Change"]:
    """Bring the manifests to the operator's files, with the digests of the archives in the model store.

    Raises:
        UserError: an archive is missing or was changed, or there are no manifests to bring there.
    """
    folder = wanted.places.manifests
    if not (folder / "version" / "kustomization.yaml").is_file():
        raise UserError(f"{folder}: no copy of deploy/kubernetes; set MANIFESTS to one, or leave it out.")
    digests = {version: wanted.digest(version) for version in wanted.traffic.versions}
    changed = changes(folder, manifests.render(wanted, digests))
    write(folder, changed)
    return changed


def rendered_digests(folder: Path) -> dict[str, str]:
    """Return the digests that the generated files in `folder` name, by version: no archive is needed for that."""
    found = {}
    for path in folder.rglob(f"{manifests.GENERATED}/versions/*/kustomization.yaml"):
        try:
            settings = yaml.safe_load(path.read_text(encoding="utf-8"))["configMapGenerator"]
        except (yaml.YAMLError, TypeError, KeyError) as error:
            raise UserError(f"{path}: not what `make kubernetes` writes; run it.") from error
        literals = dict(pair.split("=", 1) for one in settings for pair in one.get("literals", []))
        if "ARCHIVE_SHA256" in literals:
            found[path.parent.name] = literals["ARCHIVE_SHA256"]
    return found


def changes(folder: Path, rendered: Mapping[str, str]) -> list[Change]:
    """Return where `folder` is not what was rendered; a generated file that nothing renders any more goes."""
    found = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and manifests.GENERATED in path.relative_to(folder).parts
    }
    return [
        Change(Path(name), found.get(name), rendered.get(name))
        for name in sorted(found.keys() | rendered.keys())
        if found.get(name) != rendered.get(name)
    ]


def write(folder: Path, changed: list[Change]) -> None:
    """Put each file's new content in place, and take out what goes."""
    for change in changed:
        path = folder / change.path
        if change.after is not None:
            replace_file(path, change.after)
            continue
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()


if __name__ == "__main__":
    cli.run(main)
