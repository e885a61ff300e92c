"""Training batches: crops of every image, turned, stretched and lit at random by torchvision's v2 transforms."""

import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from handler.metadata import Preprocessing
from scripts.pipeline.network import torchvision_models
from scripts.pipeline.spec_training import Augmentation, Phase
from scripts.pipeline.training.packed import Packed

FEW = 500
"""Images for which starting processes would take longer than what they save."""


@dataclass(frozen=True)
class Batch:
    """n crops and what they show.

    Attributes:
        images: uint8 [n, 3, side, side], RGB.
        targets: float [n, labels]: probability of each label.
    """

    images: Tensor
    targets: Tensor


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """A random crop of each image; which one depends on the seed and the image alone, not on who draws it."""

    def __init__(self, packed: Packed, phase: Phase, augmentation: Augmentation, seed: int) -> None:
        self.packed, self.seed = packed, seed
        self.transform = _transform(phase, augmentation)

    def __len__(self) -> int:
        return len(self.packed.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return uint8 [3, side, side] and its target, float [labels]."""
        # The transforms draw from torch's own generator, which dropout uses too.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * len(self) + index)
            return self.transform(self.packed.images[index]), self.packed.targets[index]


def batches(crops: Crops, size: int) -> Iterator[Batch]:
    """One epoch: every image once, in an order that depends on the seed; a last batch of one image is left out.

    Args:
        crops: of this epoch.
        size: of a batch.
    """
    order = RandomSampler(crops, generator=torch.Generator().manual_seed(crops.seed))
    # Batch norm cannot learn from one image.
    lonely = len(crops) % size == 1
    # In processes of their own, one thread each: the transforms are many small steps, over which the threads of the
    # training would spend more time agreeing than working.
    workers = min(8, max(1, (os.cpu_count() or 1) // 2)) if len(crops) > FEW else 0
    for images, targets in DataLoader(crops, size, sampler=order, num_workers=workers, drop_last=lonely):
        yield Batch(images, targets)


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 [n, 3, h, w] -> float [n, 3, h, w] of the spec's mean and deviation, channels last."""
    mean = 255 * torch.tensor(preprocessing.mean, device=images.device).view(1, 3, 1, 1)
    std = 255 * torch.tensor(preprocessing.std, device=images.device).view(1, 3, 1, 1)
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def _transform(phase: Phase, augmentation: Augmentation) -> torch.nn.Module:
    """uint8 [3, h, w] -> uint8 [3, side, side]."""
    torchvision_models()  # Without it, torchvision cannot be imported beside a CPU-only torch.
    v2 = importlib.import_module("torchvision.transforms.v2")
    ratio = (1 / augmentation.aspect, augmentation.aspect)
    crop = v2.RandomResizedCrop(phase.side, scale=phase.scale, ratio=ratio, antialias=True)
    quarter_turns = v2.RandomChoice([v2.RandomRotation((turn, turn)) for turn in (0, 90, 180, 270)])
    turns = {
        "none": [],
        "mirror": [v2.RandomHorizontalFlip()],
        "dihedral": [v2.RandomHorizontalFlip(), quarter_turns],
    }[augmentation.turns]
    light = v2.ColorJitter(
        brightness=augmentation.brightness,
        contrast=augmentation.contrast,
        saturation=augmentation.saturation,
        hue=augmentation.hue,
    )
    composed: torch.nn.Module = v2.Compose([crop, *turns, light])
    return composed
