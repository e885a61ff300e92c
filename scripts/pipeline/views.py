"""Training batches: every cell turned, resized, cropped and lit at random, with the teacher's maps cut to match."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from handler.metadata import Preprocessing
from scripts.pipeline.spec import Phase
from scripts.pipeline.teacher import VIEWS, Lessons, view

CONTRAST = 0.25
"""Largest natural logarithm of the factor on the distance from the image's mean."""
BRIGHTNESS = 0.1
"""Largest shift, of 1."""


@dataclass(frozen=True)
class Batch:
    """n crops of side x side pixels, and what there is to learn from each."""

    images: Tensor
    """float [n, 3, side, side], normalised."""
    middle: Tensor
    """float [n, 48, side / 16, side / 16]: the teacher's middle map of the same crop."""
    last: Tensor
    """float [n, 128, side / 32, side / 32]."""
    teacher: Tensor
    """float [n], 0..1: the teacher's probability of a defect in the whole cell."""
    probability: Tensor
    """float [n], 0..1: the experts'."""

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Cells:
    """The training cells in memory."""

    images: Tensor
    """uint8 [cells, 1, 300, 300]."""
    probability: Tensor
    """float [cells]."""
    lessons: Lessons


def resize(images: Tensor, side: int) -> Tensor:
    """uint8 [..., channels, h, w] -> uint8 [n, channels, side, side], antialiased, as the handler does it."""
    return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Values 0..1 [n, 1 or 3, h, w] -> float [n, 3, h, w] of zero mean and unit variance over ImageNet."""
    mean = torch.tensor(preprocessing.mean, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=images.device).view(1, 3, 1, 1)
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def batches(cells: Cells, phase: Phase, preprocessing: Preprocessing, generator: torch.Generator) -> Iterator[Batch]:
    """One epoch: every cell once, in an order and with views drawn from `generator`."""
    order = torch.randperm(len(cells.images), generator=generator)
    for rows in torch.split(order, phase.batch):
        if len(rows) > 1:  # Batch norm cannot learn from one image.
            yield _batch(cells, rows, phase, preprocessing, generator)


def _batch(cells: Cells, rows: Tensor, phase: Phase, preprocessing: Preprocessing, generator: torch.Generator) -> Batch:
    count, side = len(rows), phase.side
    views = torch.randint(VIEWS, (count,), generator=generator)
    low, high = phase.resize
    sides = torch.randint(low, high + 1, (count,), generator=generator)
    corners = (torch.rand(count, 2, generator=generator) * (sides - side + 1)[:, None]).long()
    cut = [
        resize(view(cells.images[row : row + 1], index), resized)[..., top : top + side, left : left + side]
        for row, index, resized, (top, left) in zip(
            rows.tolist(), views.tolist(), sides.tolist(), corners.tolist(), strict=True
        )
    ]
    images = _relight(torch.cat(cut) / 255, generator)
    lessons, scale = cells.lessons, cells.images.shape[-1] / sides
    return Batch(
        images=normalise(images, preprocessing),
        middle=_sample(lessons.middle[rows, views], 16, side, corners, scale),
        last=_sample(lessons.last[rows, views], 32, side, corners, scale),
        teacher=lessons.logits[rows].sigmoid(),
        probability=cells.probability[rows],
    )


def _relight(images: Tensor, generator: torch.Generator) -> Tensor:
    """Another contrast and brightness for each image."""
    draw = torch.rand(2, len(images), 1, 1, 1, generator=generator) * 2 - 1
    mean = images.mean((-2, -1), keepdim=True)
    return (images - mean) * (draw[0] * CONTRAST).exp() + mean + draw[1] * BRIGHTNESS


def _sample(maps: Tensor, stride: int, side: int, corners: Tensor, scale: Tensor) -> Tensor:
    """The teacher's maps at the points where the student's map has its own.

    A map's point i looks at pixel `stride * i` of its input, the teacher's as well as the student's. The student's
    input is a crop at `corners` of the cell shrunk by `scale`.

    Args:
        maps: float [n, channels, h, w].
        stride: pixels between two points.
        side: of the student's crop, pixels.
        corners: top and left of the crop, pixels [n, 2].
        scale: the teacher's pixels per student's [n].

    Returns:
        float [n, channels, side / stride, side / stride].
    """
    steps = torch.arange(0, side, stride)
    points = (corners[:, :, None] + steps) * scale[:, None, None] / stride  # [n, (row, column), point], in map points
    last = torch.tensor(maps.shape[-2:])[None, :, None] - 1
    rows, columns = (points / last * 2 - 1).unbind(1)
    grid = torch.stack(
        [columns[:, None, :].expand(-1, len(steps), -1), rows[:, :, None].expand(-1, -1, len(steps))], -1
    )
    return F.grid_sample(maps.float(), grid, align_corners=True, padding_mode="border")
