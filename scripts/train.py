"""Train a model of models/ and replace its checkpoint: `make train MODEL=elpv`, `make train MODEL=pets DATA=photos`.

`--json` prints one object: `checkpoint`, `epochs`, `val_accuracy` (after the last), `seconds` (of all epochs, whichever
run they were in), `license`, and `created`: of a model that DATA made just now `labels`, `images` of each part and
`left_out`, otherwise null.
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from scripts.cli import run
from scripts.pipeline import provenance
from scripts.pipeline.network import save_checkpoint
from scripts.pipeline.new_model import create
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.pipeline.training.allocation import reuse_freed_memory
from scripts.pipeline.training.log import draw, write_csv
from scripts.pipeline.training.run import basis, trainer, training_images
from scripts.pipeline.training.trainer import Images, Trainer

RUNS = Path("runs/train")
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
    with SummaryWriter(folder / "tensorboard", purge_step=done + 1) as board:
        for line in learning.epochs(
            images, time.monotonic, lambda phase, crops: progress.advance(task, crops * phase.side**2)
        ):
            # A batch that was left out counts as done.
            progress.update(task, completed=count * sum(costs[: line.epoch]))
            write_csv(learning.log, folder / "training_log.csv")
            for name in ("loss", "val_loss", "val_accuracy", "learning_rate"):
                board.add_scalar(name, getattr(line, name), line.epoch)
            reached = f"loss {line.loss:.4f}, val {line.val_accuracy:.2%}, {line.seconds:.0f} s"
            progress.console.print(f"epoch {line.epoch} of {len(costs)}, {line.phase}: {reached}")


def keep(spec: Spec, learning: Trainer, header: dict[str, str]) -> None:
    """Replace the committed checkpoint with its `header`, its log and its figure."""
    save_checkpoint(learning.weights, spec.checkpoint_path, header)
    write_csv(learning.log, spec.folder / "training_log.csv")
    draw(learning.log, spec.folder / "training.png")


def _progress(as_json: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left:"))
    # Of `--json`, stdout holds the object alone.
    console = Console(stderr=as_json)
    return Progress(*columns, TimeRemainingColumn(), console=console, speed_estimate_period=FORECAST_OVER_S)


def _created(model: str, data: str, progress: Progress) -> dict[str, Any] | None:
    """What was made of the data; None where the model had been made before."""
    task = progress.add_task("looking at the images", total=None)
    created = create(MODELS / model, data, lambda done, of: progress.update(task, completed=done, total=of))
    progress.remove_task(task)
    progress.console.print(created.summary(), markup=False, soft_wrap=True)
    return created.record() if created.is_new else None


def _record(spec: Spec, learning: Trainer, created: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "checkpoint": str(spec.checkpoint_path),
        "epochs": len(learning.log),
        "val_accuracy": learning.log[-1].val_accuracy,
        "seconds": sum(line.seconds for line in learning.log),
        "license": spec.license,
        "created": created,
    }


def main(
    model: Annotated[str, typer.Option(help="Folder in models/")] = DEFAULT_MODEL,
    data: Annotated[str, typer.Option(help="A folder <label>/<image>, a CSV, cifar10, mnist or elpv: makes it")] = "",
    restart: Annotated[bool, typer.Option(help="Forget an unfinished run instead of resuming it")] = False,
    threads: Annotated[int, typer.Option(help="Of the CPU; 0 leaves it to torch")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr")] = False,
) -> None:
    """Train, showing each epoch; a run that was stopped goes on after its last whole epoch."""
    with _progress(as_json) as progress:
        created = _created(model, data, progress) if data else None
        spec = Spec.load(MODELS / model)
        folder = RUNS / model
        if threads:
            torch.set_num_threads(threads)
        reuse_freed_memory()
        images = training_images(
            spec, folder, lambda part: lambda samples: progress.track(samples, description=f"reading {part}")
        )
        # Now, since the split may be another when the training ends.
        header = provenance.header(spec)
        learning = trainer(spec, images, folder)
        if restart:
            learning.state_path.unlink(missing_ok=True)
        learning.resume(basis(spec, images))
        try:
            train(learning, images, folder, progress)
        except KeyboardInterrupt:
            progress.console.print(f"stopped after epoch {len(learning.log)}; the same command goes on from there")
            raise
    keep(spec, learning, header)
    learning.state_path.unlink(missing_ok=True)
    if as_json:
        print(json.dumps(_record(spec, learning, created)))
    else:
        print(f"{spec.checkpoint_path}: val accuracy {learning.log[-1].val_accuracy:.2%}; licence: {spec.license}")


if __name__ == "__main__":
    run(main)
