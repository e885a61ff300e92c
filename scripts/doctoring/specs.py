"""The specs of models/, each read as its verbs would read it."""

from collections.abc import Iterator
from pathlib import Path

from scripts.doctoring.finding import Finding, broken, look, of_error, ok
from scripts.errors import UserError
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Folder, Table
from scripts.serving.places import REPOSITORY, shown


def findings(models: Path) -> list[Finding]:
    """Return what is found in the folder of models."""
    specs, found = [], []
    for path in sorted(models.glob("*/spec.yaml")):
        try:
            specs.append(Spec.load(path.parent))
        except UserError as error:
            found.append(of_error("models", str(error)))
    if not specs and not found:
        return [broken("models", f"no model in {shown(models)} has a spec.yaml", "git checkout models")]
    found += [*(finding for spec in specs for finding in _data(spec)), *_names(specs)]
    trained = [spec.folder.name for spec in specs if not spec.checkpoint or spec.checkpoint_path.is_file()]
    return found or [ok("models", f"{len(specs)} read; with weights: {', '.join(trained) or 'none'}")]


def _data(spec: Spec) -> Iterator[Finding]:
    if isinstance(spec.data, Folder | Table):
        key, place = ("folder", spec.data.folder) if isinstance(spec.data, Folder) else ("table", spec.data.table)
        if not (REPOSITORY / place).exists():
            found = f"{spec.folder.name}: its images are gone: `data.{key}` is {place}"
            yield look("models", found, "put them back, or name where they are now")


def _names(specs: list[Spec]) -> Iterator[Finding]:
    first: dict[str, Spec] = {}
    for spec in specs:
        other = first.setdefault(spec.name, spec)
        if other is not spec:
            found = f"{spec.folder.name} and {other.folder.name} are both served as {spec.name}: one archive for two"
            yield broken("models", found, f"give one of them another `name`, in {shown(spec.folder)}/spec.yaml")
