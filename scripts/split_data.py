"""Divide a model's images into train, val and test; the result is `models/<model>/split.csv`.

An image that has a part keeps it: a second run deals out what was added to the data since. `--keep-test` deals all but
the test part anew: how much depends on which images were learned from? Checkpoints trained before then need training
again. `--json` prints one object:
`split`, `images` of each part, `new` (of them) and `left_out` (files).
"""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from scripts import PYTHON
from scripts.cli import run
from scripts.errors import UserError
from scripts.pipeline.data.dealing import (
    beside_test,
    deal,
    require_enough,
    require_in_every_part,
    usable,
    without_missing,
)
from scripts.pipeline.data.listing import FILE_NAME, by_reason, first_few, write_left_out
from scripts.pipeline.data.sources import labelled_data
from scripts.pipeline.data.split import SEED, read_split, write_split
from scripts.pipeline.new_model import by_part, in_parts
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.spec_data import Folder, Table


def main(
    model: Annotated[str, typer.Option(help="Folder in models/")] = "elpv",
    seed: Annotated[int, typer.Option(help="Of the shuffle within each stratum")] = SEED,
    forget_missing: Annotated[bool, typer.Option(help="Take images out that are no longer in the data")] = False,
    keep_test: Annotated[bool, typer.Option(help="Deal train and val out anew; test stays what it is")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr")] = False,
) -> None:
    """Deal out the images that have no part yet, and say how many each part has."""
    spec = Spec.load(MODELS / model)
    data = labelled_data(spec)
    owner = spec.split_path.parent
    if data.also and owner != spec.folder:
        raise UserError(
            f"{spec.folder / 'spec.yaml'}: its split is that of {owner}, and the images of its `also` are "
            f"in no part; deal the data out there: `{PYTHON} -m scripts.split_data --model {owner.name}`"
        )
    if keep_test and owner != spec.folder:
        raise UserError(
            f"{spec.folder / 'spec.yaml'}: its split is that of {owner}, whose checkpoint learned by it; copy "
            "split.csv into its own folder and name it: `data: {split: split.csv}`"
        )
    dealt = read_split(spec.split_path) if spec.split_path.is_file() else {}
    told = sys.stderr if as_json else sys.stdout
    with Progress(console=Console(file=told)) as progress:
        task = progress.add_task("looking at the images", total=None)
        found = usable(data, spec.labels, dealt, lambda done, of: progress.update(task, completed=done, total=of))
    if isinstance(data, Folder | Table):
        listed = write_left_out(found.left_out, spec.folder)
        print(f"{listed}: {by_reason(found.left_out) or 'no file left out'}", file=told)
        print("\n".join(first_few(found.left_out)), end="\n" if found.left_out else "", file=told)
    if not dealt:
        require_enough(found, spec.labels, str(spec.folder), spec.folder / FILE_NAME)
    if forget_missing:
        dealt = without_missing(dealt, found)
    parts = beside_test(found, dealt, seed) if keep_test else deal(found, dealt, seed)
    require_in_every_part(found, parts, spec.labels, str(spec.folder))
    write_split(parts, spec.split_path)
    new = len(parts.keys() - dealt.keys())
    if as_json:
        said = {"split": str(spec.split_path), "images": by_part(parts.values()), "new": new}
        print(json.dumps(said | {"left_out": len(found.left_out)}))
    else:
        print(f"{spec.split_path}: {in_parts(parts.values())}; {new} of them new")


if __name__ == "__main__":
    run(main)
