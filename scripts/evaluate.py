"""How good a checkpoint, an archive or a running server is on one part of a model's data.

    python -m scripts.evaluate                                     the spec's checkpoint, in PyTorch
    python -m scripts.evaluate --checkpoint FILE                   another one
    python -m scripts.evaluate --version 2.0 [--arithmetic fp32]   an archive, by its own code
    python -m scripts.evaluate --url http://127.0.0.1:8000/predictions/mobilenet_v3/2.0

All are given the same image files and measured by the gate's own code, so the same answers give the same figures.
`--json` prints one object: `model`, `part`, `of` (what was evaluated), `version` (null for a checkpoint), and what
`scripts.pipeline.measured` says of each figure.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import typer

from handler.arithmetic import instructions
from scripts import cli
from scripts.errors import UserError
from scripts.pipeline import archive, served
from scripts.pipeline.answers import Answers
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.export import ServingGraph
from scripts.pipeline.images import read
from scripts.pipeline.measured import Measured
from scripts.pipeline.metrics import Truth
from scripts.pipeline.report import confusion_text, measured_text
from scripts.pipeline.served import Served
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.pipeline.weights import evidence, load_network, origin

_BATCH = 32


@torch.inference_mode()
def by_checkpoint(spec: Spec, checkpoint: Path | None, images: Sequence[Sample]) -> Served:
    """Return what the network answers in PyTorch's float32, by default with the spec's weights.

    Raises:
        UserError: the weights do not fit, or learned by another split than the present one.
    """
    evidence(spec, checkpoint)
    graph = ServingGraph(load_network(spec, checkpoint), spec.preprocessing).eval()
    starts = range(0, len(images), _BATCH)
    chunks = [np.stack([read(image, spec.preprocessing) for image in images[at : at + _BATCH]]) for at in starts]
    logits = torch.cat([graph(torch.from_numpy(chunk))[0] for chunk in chunks])
    runs = instructions("fp32", torch.cpu.get_capabilities())
    return Served(Answers.of_logits(logits.numpy()), None, "fp32", runs)


def measure(found: Served, images: Sequence[Sample], labels: Sequence[str]) -> Measured:
    """Return what the answers to `images` are worth."""
    true = np.array([image.label for image in images])
    groups = np.array([image.group for image in images])
    return Measured.of(found.answers, Truth(true, groups, labels), found.arithmetic, found.instructions)


def main(  # noqa: PLR0913, PLR0917  (each is an option)
    model: Annotated[str, typer.Option(envvar="MODEL", help="a folder of models/")] = DEFAULT_MODEL,
    checkpoint: Annotated[Path | None, typer.Option(help="safetensors; default: the spec's")] = None,
    version: Annotated[str | None, typer.Option(help="an archive of the model store instead")] = None,
    arithmetic: Annotated[Literal["auto", "int8", "fp32"], typer.Option(help="of an int8 archive")] = "auto",
    url: Annotated[str | None, typer.Option(help="a running server instead: …/predictions/<name>/<version>")] = None,
    part: Annotated[Literal["train", "val", "test"], typer.Option(help="of the split")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Print accuracy, recall, ROC-AUC and calibration error with their intervals, and by group."""
    if sum(option is not None for option in (checkpoint, version, url)) > 1:
        raise UserError("--checkpoint, --version and --url each name something to evaluate; give one of them.")
    spec = Spec.load(MODELS / model)
    images = samples(spec, part)
    if url:
        of, found = url, served.by_server(url, images, spec.labels)
    elif version:
        path = archive.archive_path(Path(os.environ.get("MODEL_STORE", "model_store")), spec.name, version)
        of, found = str(path), served.by_archive(path, images, spec.labels, arithmetic, model)
    else:
        of, found = origin(spec, checkpoint), by_checkpoint(spec, checkpoint, images)
    measured = measure(found, images, spec.labels)
    if as_json:
        said = {"model": spec.name, "part": part, "of": of, "version": found.version}
        print(json.dumps(said | measured.as_json()))
    else:
        print(measured_text(f"{of} on {part}", measured))
        print(confusion_text(measured.metrics, spec.labels))


if __name__ == "__main__":
    cli.run(main)
