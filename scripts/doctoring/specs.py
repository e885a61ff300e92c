"""The specs of models/, each read as its verbs would read it."""

from collections.abc import Iterator
from pathlib import Path

from scripts.doctoring.finding import Finding, broken, look, of_error, ok
from scripts.errors import UserError
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Folder, Table


def findings(models: Path) -> list[Finding]:
    """Return what is found in the folder of models."""
    specs, found = [], []
    for path in sorted(models.glob("*/spec.yaml")):
        try:
            specs.append(Spec.load(path.parent))
        except UserError as error:
            found.append(of_error(str(path.parent), str(error)))
    found += [finding for spec in specs for finding in _of(spec)] + list(_names(specs))
    if not specs and not found:
        return [broken(str(models), "no model has a spec.yaml", "git checkout models")]
    return found or [ok("models", ", ".join(spec.folder.name for spec in specs))]


def _of(spec: Spec) -> Iterator[Finding]:
    check = str(spec.folder)
    if spec.checkpoint and not spec.checkpoint_path.is_file():
        fix = f"make train MODEL={spec.folder.name}, or git checkout {spec.checkpoint_path}"
        yield look(check, f"{spec.checkpoint} is not there: no version can be made of it", fix)
    place = {Folder: "folder", Table: "table"}.get(type(spec.data))
    if place and not Path(named := getattr(spec.data, place)).exists():
        yield look(check, f"its images are gone: `data.{place}` is {named}", "put them back, or name where they are now")


def _names(specs: list[Spec]) -> Iterator[Finding]:
    first: dict[str, Spec] = {}
    for spec in specs:
        other = first.setdefault(spec.name, spec)
        if other is not spec:
            found = f"served as {spec.name}, like {other.folder}: each overwrites the other's archives"
            yield broken(str(spec.folder), found, f"give one of them another `name`, in {spec.folder / 'spec.yaml'}")
