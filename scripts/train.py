"""Train a model of models/ and replace its checkpoint: `make train MODEL=elpv`."""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from scripts.cli import run
from scripts.pipeline.network import build_network, save_checkpoint
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.training import Trainer
from scripts.pipeline.training_data import training_cells, validation_cells
from scripts.pipeline.training_log import draw, write_csv

RUNS = Path("runs/train")


def train(spec: Spec, trainer: Trainer, folder: Path, progress: Progress) -> None:
    """Carry out what is left of the spec's training, showing it in `progress`.

    Args:
        spec: what to train.
        trainer: at its start, or resumed.
        folder: keeps the teacher's lessons, the log as it grows and TensorBoard's scalars.
        progress: shows the bars and prints a line for each epoch.
    """
    task = progress.add_task("teacher looks at the cells", total=None)
    cells = training_cells(spec, folder, lambda done, of: progress.update(task, completed=done, total=of))
    progress.remove_task(task)
    epochs = sum(phase.epochs for phase in spec.training.phases)
    task = progress.add_task("epochs", total=epochs, completed=len(trainer.log))
    # What a killed run wrote after its last whole epoch is taken back.
    with SummaryWriter(folder / "tensorboard", purge_step=len(trainer.log) + 1) as board:
        for line in trainer.epochs(cells, validation_cells(spec), time.monotonic):
            write_csv(trainer.log, folder / "training_log.csv")
            for name in ("loss", "val_accuracy", "learning_rate"):
                board.add_scalar(name, getattr(line, name), line.epoch)
            reached = f"loss {line.loss:.4f}, val {line.val_accuracy:.2%}, {line.seconds:.0f} s"
            progress.console.print(f"{line.phase} {line.epoch}: {reached}")
            progress.advance(task)


def keep(spec: Spec, trainer: Trainer) -> None:
    """Replace the committed checkpoint, its log and its figure."""
    metadata = {"license": spec.license, "labels": ",".join(spec.labels)}
    save_checkpoint(trainer.weights, spec.checkpoint_path, metadata)
    write_csv(trainer.log, spec.folder / "training_log.csv")
    draw(trainer.log, spec.folder / "training.png")


def main(
    model: Annotated[str, typer.Option(help="Folder in models/")] = "elpv",
    restart: Annotated[bool, typer.Option(help="Forget an unfinished run instead of resuming it")] = False,
    threads: Annotated[int, typer.Option(help="Of the CPU; 0 leaves it to torch")] = 0,
) -> None:
    """Train, showing each epoch; a run that was stopped goes on after its last whole epoch."""
    spec = Spec.load(MODELS / model)
    state = RUNS / model / "state.pt"
    if restart:
        state.unlink(missing_ok=True)
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(spec.training.seed)
    network = build_network(spec.architecture, len(spec.labels))
    trainer = Trainer(network, spec.training, spec.preprocessing, state)
    trainer.resume()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns) as progress:
            train(spec, trainer, RUNS / model, progress)
    except KeyboardInterrupt:
        print(f"stopped after epoch {len(trainer.log)}; the same command goes on from there")
        raise
    keep(spec, trainer)
    state.unlink(missing_ok=True)
    print(f"{spec.checkpoint_path}: val accuracy {trainer.log[-1].val_accuracy:.2%}; licence: {spec.license}")


if __name__ == "__main__":
    run(main)
