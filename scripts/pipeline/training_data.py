"""The spec's images in memory, for training and for evaluation."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handler.metadata import Preprocessing
from handler.preprocess import preprocess
from scripts.pipeline.elpv import Cell, part
from scripts.pipeline.spec import Spec
from scripts.pipeline.teacher import lessons
from scripts.pipeline.training import Validation
from scripts.pipeline.views import Cells, normalise


def training_cells(spec: Spec, folder: Path, tick: Callable[[int, int], None]) -> Cells:
    """The train part with the teacher's lessons, which are kept in `folder`; `tick` is told (done, in all)."""
    cells = part(spec.split_path, "train")
    images = torch.from_numpy(np.stack([cell.image()[..., 0] for cell in cells]))[:, None]
    labels = np.array([cell.label for cell in cells])
    probability = torch.tensor([cell.probability for cell in cells])
    return Cells(images, probability, lessons(images, labels, folder, tick))


def validation_cells(spec: Spec) -> Validation:
    """The val part as the network is served it."""
    cells = part(spec.split_path, "val")
    return Validation(network_input(cells, spec.preprocessing), torch.tensor([cell.label for cell in cells]))


def network_input(cells: Sequence[Cell], preprocessing: Preprocessing) -> Tensor:
    """Float [n, 3, crop, crop]: scaled and cropped by the handler's own code, as it is served, then normalised."""
    images = torch.from_numpy(np.stack([preprocess(cell.image(), preprocessing) for cell in cells]))
    return normalise(images.permute(0, 3, 1, 2) / 255, preprocessing)
