"""Train a model of models/ and replace its checkpoint.

    make train MODEL=elpv                             by its spec
    make train MODEL=pets DATA=photos                 a new model, made of a folder
    make train MODEL=elpv_2 DATA=harvest FROM=elpv    one that goes on from elpv, with the folder's images besides

`--json` prints one object: `checkpoint`, `epochs`, `val_accuracy` (after the last), `seconds` (of all epochs, whichever
run they were in), `license`, `also` (for each folder that it learned from besides: `folder`, `images` by label,
`sha256`), and `created`: of a model that was made just now `labels`, `images` of each part and `left_out`; otherwise
null.
"""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from scripts.cli import run
from scripts.locks import hold
from scripts.pipeline import provenance
from scripts.pipeline.data.extra import Extra
from scripts.pipeline.lineage import archive_command
from scripts.pipeline.network import read_header, save_checkpoint
from scripts.pipeline.preparation import Prepared, prepare
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.training.allocation import reuse_freed_memory
from scripts.pipeline.training.log import draw, read_csv, write_csv
from scripts.pipeline.training.run import basis, trainer, training_images
from scripts.pipeline.training.trainer import Epoch, Images, Trainer

RUNS = Path("runs/train")
LOG = "training_log.csv"
BOARD = "tensorboard"
FORECAST_OVER_S = 300
"""The speed of so many seconds is taken for the speed of the rest."""


def train(learning: Trainer, images: Images, folder: Path, progress: Progress) -> None:
    """Carry out what is left of a training.

    Args:
        learning: at its start, or resumed.
        images: to learn from, and to see how well it goes.
        folder: keeps the log as it grows and TensorBoard's scalars.
        progress: shows the bar and prints a line for each epoch.
    """
    done = len(learning.log)
    costs = [phase.side**2 for phase in learning.training.phases for _ in range(phase.epochs)]
    count = len(images.train.images)
    # In pixels, since an epoch of small crops says little about the time that one of large crops takes.
    task = progress.add_task("training", total=count * sum(costs), completed=count * sum(costs[:done]))
    # What a killed run wrote after its last whole epoch is taken back.
    with SummaryWriter(folder / BOARD, purge_step=done + 1) as board:
        for line in learning.epochs(
            images, time.monotonic, lambda phase, crops: progress.advance(task, crops * phase.side**2)
        ):
            # A batch that was left out counts as done.
            progress.update(task, completed=count * sum(costs[: line.epoch]))
            write_csv(learning.log, folder / LOG)
            for name in ("loss", "val_loss", "val_accuracy", "learning_rate"):
                board.add_scalar(name, getattr(line, name), line.epoch)
            reached = f"loss {line.loss:.4f}, val {line.val_accuracy:.2%}, {line.seconds:.0f} s"
            progress.console.print(f"epoch {line.epoch} of {len(costs)}, {line.phase}: {reached}")


def keep(spec: Spec, learning: Trainer, header: dict[str, str]) -> None:
    """Replace the committed checkpoint with its `header`, its log and its figure."""
    save_checkpoint(learning.weights, spec.checkpoint_path, header)
    write_csv(learning.log, spec.folder / LOG)
    draw(learning.log, spec.folder / "training.png")


def _progress(as_json: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left:"))
    # Of `--json`, stdout holds the object alone.
    console = Console(stderr=as_json)
    # In a log, a bar would be one line, when all is over, also before an error.
    return Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        speed_estimate_period=FORECAST_OVER_S,
        disable=not console.is_terminal,
    )


def _prepared(model: str, data: str, origin: str, progress: Progress) -> Prepared:
    task = progress.add_task("looking at the images", total=None)
    found = prepare(MODELS / model, data, origin, lambda done, of: progress.update(task, completed=done, total=of))
    progress.remove_task(task)
    if found.summary:
        progress.console.print(found.summary, markup=False, soft_wrap=True)
    return found


def trained(spec: Spec, extra: Extra, folder: Path, restart: bool, progress: Progress) -> list[Epoch]:
    """Train, or go on with an unfinished run; a checkpoint that would come out the same stays. Return its log.

    Args:
        spec: of the model.
        extra: what it learns from besides the train part.
        folder: keeps the run.
        restart: forget an unfinished run, and train again what is trained.
        progress: as in `train`.

    Raises:
        UserError: the images, the weights to start from or the teacher are not there; or an unfinished run is of
            other settings.
    """
    images = training_images(
        spec, extra.samples, folder, lambda part: lambda samples: progress.track(samples, description=f"reading {part}")
    )
    depends_on = basis(spec, images)
    # Now, since the split may be another when the training ends.
    header = provenance.header(spec, extra.record(spec.labels)) | {"basis": depends_on}
    learning = trainer(spec, images, folder)
    if restart:
        learning.state_path.unlink(missing_ok=True)
        shutil.rmtree(folder / BOARD, ignore_errors=True)
    elif not learning.state_path.is_file() and _is_trained(spec, header):
        progress.console.print(
            f"{spec.checkpoint_path} was trained by this recipe on these images; RESTART=1 trains it again",
            markup=False,
            soft_wrap=True,
        )
        return read_csv(spec.folder / LOG)
    if done := learning.resume(depends_on):
        progress.console.print(f"goes on after epoch {done}")
    try:
        train(learning, images, folder, progress)
    except KeyboardInterrupt:
        progress.console.print(f"stopped after epoch {len(learning.log)}; the same command goes on from there")
        raise
    keep(spec, learning, header)
    learning.state_path.unlink(missing_ok=True)
    return learning.log


def _is_trained(spec: Spec, header: dict[str, str]) -> bool:
    whole = spec.checkpoint_path.is_file() and (spec.folder / LOG).is_file()
    return whole and read_header(spec.checkpoint_path) == header


def _record(prepared: Prepared, log: list[Epoch]) -> dict[str, Any]:
    spec = prepared.spec
    return {
        "checkpoint": str(spec.checkpoint_path),
        "epochs": len(log),
        "val_accuracy": log[-1].val_accuracy,
        "seconds": sum(line.seconds for line in log),
        "license": spec.license,
        "also": prepared.extra.record(spec.labels),
        "created": prepared.created,
    }


def main(  # noqa: PLR0913, PLR0917  (each is an option)
    model: Annotated[str, typer.Option(help="Folder in models/")],
    data: Annotated[str, typer.Option(help="A folder <label>/<image>, a CSV, cifar10, mnist or elpv: makes it")] = "",
    origin: Annotated[str, typer.Option("--from", help="A model of models/ to go on from, with images of `data`")] = "",
    restart: Annotated[bool, typer.Option(help="Begin anew instead of going on with an unfinished run")] = False,
    threads: Annotated[int, typer.Option(help="Of the CPU; 0 leaves it to torch")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr")] = False,
) -> None:
    """Train, showing each epoch; a run that was stopped goes on after its last whole epoch."""
    with _progress(as_json) as progress:
        prepared = _prepared(model, data, origin, progress)
        spec = prepared.spec
        if threads:
            torch.set_num_threads(threads)
        reuse_freed_memory()
        with hold(RUNS / model / "lock", f"a training of {spec.folder} runs already; wait for it, or stop it"):
            log = trained(spec, prepared.extra, RUNS / model, restart, progress)
    if as_json:
        print(json.dumps(_record(prepared, log)))
        return
    print(f"{spec.checkpoint_path}: val accuracy {log[-1].val_accuracy:.2%}; licence: {spec.license}")
    print(f"next: `{archive_command(spec, Path(os.environ.get('MODEL_STORE', 'model_store')))}`")


if __name__ == "__main__":
    run(main)
