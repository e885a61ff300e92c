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
from scripts.files import replace_file
from scripts.kubernetes import manifests
from scripts.kubernetes.wanted import read as read_wanted
from scripts.serving.installation import Installation
from scripts.serving.places import shown


@dataclass(frozen=True)
class Change:
    """One file, before and after; None where there is none."""

    path: Path
    before: str | None
    after: str | None

    def text(self) -> str:
        """Return what is different, as a unified diff."""
        before, after = (text.splitlines(keepends=True) if text else [] for text in (self.before, self.after))
        name = str(self.path)
        return "".join(difflib.unified_diff(before, after, name, name, n=1))


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Bring the manifests to the operator's files; the archives have to be in the model store."""
    wanted, digests = read()
    folder = wanted.places.manifests
    changed = changes(folder, manifests.render(wanted, digests))
    write(folder, changed)
    if as_json:
        print(json.dumps({"changed": [str(change.path) for change in changed]}))
    elif changed:
        print("".join(change.text() for change in changed), end="")
        print(f"{len(changed)} files changed in {shown(folder)}; apply an overlay, and commit them")
    else:
        print(f"{shown(folder)} is up to date")


def read() -> tuple[Installation, dict[str, str]]:
    """Return the operator's files, and the digest of each version's archive.

    Raises:
        UserError: a mistake in a file, or an archive that is missing or was changed.
    """
    wanted = read_wanted()
    return wanted, {version: wanted.digest(version) for version in wanted.traffic.versions}


def rendered_digests(folder: Path) -> dict[str, str]:
    """Return the digests that the generated files in `folder` name, by version: no archive is needed for that."""
    found = {}
    for path in folder.rglob(f"{manifests.GENERATED}/versions/*/kustomization.yaml"):
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))["configMapGenerator"]
        literals = dict(pair.split("=", 1) for one in settings for pair in one.get("literals", []))
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
        path.unlink()
        for parent in path.parents:
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()


def undo(folder: Path, changed: list[Change]) -> None:
    """Put everything back."""
    write(folder, [Change(change.path, change.after, change.before) for change in changed])


if __name__ == "__main__":
    cli.run(main)
