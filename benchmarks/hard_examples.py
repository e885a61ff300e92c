"""What forty hard examples do for a model: solar cells as another camera would show them, darker, softer and noisier.

    python -m benchmarks.hard_examples harvest                 writes harvest/<label>/: 40 train cells, seen by that
                                                               camera, of which models/elpv is least sure
    python -m benchmarks.hard_examples CHECKPOINT CHECKPOINT   accuracy and cross-entropy of each on val, by the
                                                               cells' own camera and by the other one

The test part is not looked at.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor
from torch.nn import functional as F

from load_tests.drift import by_other_camera
from scripts.cli import run
from scripts.files import replace_file
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.export import ServingGraph
from scripts.pipeline.images import read
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.pipeline.weights import load_network

EXAMPLES = 40
_BATCH = 64


@torch.inference_mode()
def log_probabilities(spec: Spec, checkpoint: Path | None, images: Sequence[Sample]) -> Tensor:
    """Float [images, labels], as `checkpoint` answers; None means the spec's."""
    graph = ServingGraph(load_network(spec, checkpoint), spec.preprocessing).eval()
    starts = range(0, len(images), _BATCH)
    chunks = [np.stack([read(image, spec.preprocessing) for image in images[at : at + _BATCH]]) for at in starts]
    return torch.cat([graph(torch.from_numpy(chunk))[0] for chunk in chunks]).log_softmax(1)


def hardest(spec: Spec) -> list[Sample]:
    """The train cells, seen by the other camera, of which the spec's checkpoint is least sure; the experts were."""
    cells = [by_other_camera(cell) for cell in samples(spec, "train") if max(cell.target) == 1]
    surest = log_probabilities(spec, None, cells).max(1).values
    return [cells[index] for index in surest.argsort()[:EXAMPLES].tolist()]


def main(
    paths: Annotated[list[Path], typer.Argument(help="A folder to be made, or checkpoints to be measured")],
) -> None:
    """Make the examples, or measure what they did."""
    spec = Spec.load(MODELS / DEFAULT_MODEL)
    if paths[0].suffix != ".safetensors":
        for cell in hardest(spec):
            replace_file(paths[0] / spec.labels[cell.label] / cell.name, cell.read())
        print(f"{paths[0]}: {EXAMPLES} cells")
        return
    val = samples(spec, "val")
    for name, images in (("their own camera", val), ("the other camera", [by_other_camera(cell) for cell in val])):
        for checkpoint in paths:
            answered = log_probabilities(spec, checkpoint, images)
            right = float((answered.argmax(1) == torch.tensor([cell.label for cell in images])).float().mean())
            loss = float(F.cross_entropy(answered, torch.tensor([cell.target for cell in images])))
            print(f"val by {name}, {checkpoint}: accuracy {right:.4f}, cross-entropy {loss:.4f}")


if __name__ == "__main__":
    run(main)
