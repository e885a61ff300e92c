"""Cut the channels that matter least from a trained model, and train what is left.

    make prune MODEL=elpv KEEP=50

makes models/elpv_pruned_50 with half of the multiply-adds of models/elpv, and trains it as `make train` does: a run
that was stopped goes on with the same command. `--json` prints what `scripts.train --json` does; its `created` is null.
"""

from typing import Annotated

import typer

from scripts import train
from scripts.cli import run
from scripts.pipeline.pruned_spec import pruned_spec
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec


def main(
    keep: Annotated[int, typer.Option(min=1, max=99, help="Percent of the multiply-adds that stay")],
    model: Annotated[str, typer.Option(envvar="MODEL", help="Folder in models/ of the trained model")] = DEFAULT_MODEL,
    restart: Annotated[bool, typer.Option(help="Begin anew instead of going on with an unfinished run")] = False,
    threads: Annotated[int, typer.Option(help="Of the CPU; 0 leaves it to torch")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr")] = False,
) -> None:
    """Prune, then train, showing each epoch."""
    spec = pruned_spec(Spec.load(MODELS / model), keep)
    train.main(model=spec.folder.name, restart=restart, threads=threads, as_json=as_json)


if __name__ == "__main__":
    run(main)
