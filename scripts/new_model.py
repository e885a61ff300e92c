"""Set up a model of your own images without training it: `make new-model NAME=pets DATA=photos`.

Makes models/<NAME>/ with spec.yaml, which is yours to edit, split.csv and left_out.csv, as the first `make train` does.
`--json` prints one object: `spec` (its path), `labels`, `images` of each part, and `left_out` (files).
"""

import json
import re
from typing import Annotated

import typer
from rich.progress import Progress

from scripts.cli import run
from scripts.errors import UserError
from scripts.pipeline.new_model import Created, create
from scripts.pipeline.new_spec import ARCHITECTURE
from scripts.pipeline.spec import MODELS

_PHOTOS = "photos"


def require_new(name: str) -> None:
    """Return when `name` can be a new model's.

    Raises:
        UserError: it can't be one's name, or a model has it.
    """
    if not re.fullmatch("[A-Za-z0-9_]+", name):
        raise UserError(f"NAME={name}: a model's name has only letters, digits and underscores; choose another.")
    folder = MODELS / name
    if (folder / "spec.yaml").is_file():
        raise UserError(
            f"NAME={name}: {folder} is a model already; `make train MODEL={name}` trains it, or choose another name."
        )


def steps(created: Created) -> str:
    """Return what to edit and what to do next, some lines."""
    spec = created.spec
    chance = spec.gate.min_accuracy if spec.gate else 0
    lines = [
        f"edit {spec.folder / 'spec.yaml'}, which says what every key means; above all",
        "  license                  what whoever gets the weights may do with them: not stated yet",
        f"  gate: min_accuracy       what a version has to reach: {chance:g} is no better than guessing",
        "  training: augmentation   whether images may be mirrored, how far colours may change",
        "then",
        f"  make train MODEL={spec.folder.name}",
        f"  make archive MODEL={spec.folder.name} VERSION=1.0 PRECISION=float32",
    ]
    if not created.is_too_small_for_int8:
        lines += [
            f"  make archive MODEL={spec.folder.name} VERSION=2.0 PRECISION=int8",
            f"  make serve MODEL={spec.folder.name}",
        ]
    return "\n".join(lines)


def main(
    name: Annotated[str, typer.Option(help="Of the model: its folder in models/, and under which it is served")],
    data: Annotated[str, typer.Option(help="A folder <label>/<image>, a CSV, cifar10, mnist or elpv")] = _PHOTOS,
    architecture: Annotated[str, typer.Option(help="One of torchvision's classifiers")] = ARCHITECTURE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look at every image once, deal them out, write the spec; nothing is made where the data can't be used."""
    require_new(name)
    with Progress(transient=True) as progress:
        progress.disable = not progress.console.is_terminal
        task = progress.add_task("looking at the images", total=None)
        created = create(
            MODELS / name, data, lambda done, of: progress.update(task, completed=done, total=of), architecture
        )
    if as_json:
        print(json.dumps({"spec": str(created.spec.folder / "spec.yaml"), **created.record()}))
        return
    print(created.summary(), steps(created), sep="\n")


if __name__ == "__main__":
    run(main)
