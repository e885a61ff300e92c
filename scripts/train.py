"""Train a model of models/ and replace its checkpoint: `make train MODEL=elpv`."""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from scripts.build.network import build_network, save_checkpoint
from scripts.build.spec import MODELS, Spec
from scripts.build.training import Trainer
from scripts.build.training_data import training_cells, validation_cells
from scripts.build.training_log import draw, write_csv
from scripts.cli import run


def main(
    model: Annotated[str, typer.Option(help="Folder in models/")] = "elpv",
    restart: Annotated[bool, typer.Option(help="Forget an unfinished run instead of resuming it")] = False,
    threads: Annotated[int, typer.Option(help="Of the CPU; 0 leaves it to torch")] = 0,
) -> None:
    """Train, showing each epoch; a run that was stopped goes on after its last whole epoch."""
    spec = Spec.load(MODELS / model)
    runs = Path("runs") / "train" / model
    if threads:
        torch.set_num_threads(threads)
    state = runs / "state.pt"
    if restart:
        state.unlink(missing_ok=True)
    torch.manual_seed(spec.training.seed)
    network = build_network(spec.architecture, len(spec.labels))
    trainer = Trainer(network, spec.training, spec.preprocessing, state)
    total = sum(phase.epochs for phase in spec.training.phases)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeRemainingColumn()) as progress:
        looking = progress.add_task("teacher", total=None)
        cells = training_cells(
            spec, runs, lambda done, of: progress.update(looking, completed=done, total=of, refresh=True)
        )
        progress.remove_task(looking)
        validation = validation_cells(spec)
        task = progress.add_task("epochs", total=total, completed=trainer.resume())
        for line in trainer.epochs(cells, validation, time.monotonic):
            write_csv(trainer.log, runs / "training_log.csv")
            progress.console.print(
                f"{line.phase} {line.epoch}: loss {line.loss:.4f}, val {line.val_accuracy:.2%}, {line.seconds:.0f} s"
            )
            progress.advance(task)
    save_checkpoint(trainer.weights, spec.checkpoint_path, {"license": spec.license, "labels": ",".join(spec.labels)})
    write_csv(trainer.log, spec.folder / "training_log.csv")
    draw(trainer.log, spec.folder / "training.png")
    state.unlink()
    print(f"{spec.checkpoint_path}: val accuracy {trainer.log[-1].val_accuracy:.2%}; licence: {spec.license}")


if __name__ == "__main__":
    run(main)
