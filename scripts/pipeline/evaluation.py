"""How good a network is on labelled images."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

BATCH = 64
Z_95 = 1.959964
"""Quantile of the normal distribution that leaves 2.5 % above."""


@dataclass(frozen=True)
class Result:
    """Counts over the images of one group."""

    images: int
    correct: int
    confusion: tuple[tuple[int, ...], ...]
    """[true label][predicted label]."""

    @property
    def accuracy(self) -> float:
        """Top-1, of 1."""
        return self.correct / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy (Wilson 1927, https://doi.org/10.2307/2276774)."""
        n, share = self.images, self.accuracy
        middle = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
        half = Z_95 / (1 + Z_95**2 / n) * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n * n))
        return middle - half, middle + half


def compare(predicted: npt.NDArray[np.int64], true: npt.NDArray[np.int64], labels: int) -> Result:
    """The result of predictions [n] against labels [n], both in 0..labels-1; n is at least 1."""
    counts = np.zeros((labels, labels), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    confusion = tuple(tuple(int(value) for value in row) for row in counts)
    return Result(len(true), int(counts.trace()), confusion)


@torch.inference_mode()
def logits(network: nn.Module, images: Tensor) -> Tensor:
    """Float [n, 3, side, side], normalised -> float [n, labels], in evaluation mode, on the CPU."""
    device = next(network.parameters()).device
    network.eval()
    return torch.cat([network(batch.to(device)).cpu() for batch in torch.split(images, BATCH)])


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Top-1 of `network` on normalised images [n, 3, side, side] with labels [n], of 1."""
    return float((logits(network, images).argmax(1) == labels).double().mean())
