import math

import pytest
import torch

from scripts.pipeline.training.packed import Packed
from scripts.pipeline.training.validation import validate

from .conftest import PREPROCESSING


class Brightness(torch.nn.Module):
    """Calls light images the second label, with odds of three to one."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(math.log(3)))

    def forward(self, images):
        light = images.mean((1, 2, 3)).sign() * self.weight
        return torch.stack([torch.zeros_like(light), light], 1)


def test_accuracy_counts_labels_and_loss_counts_probabilities():
    light = torch.tensor([0, 255, 255, 255], dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 3, 8, 8)
    packed = Packed(light, torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.25, 0.75], [1.0, 0.0]]), "")
    loss, accuracy = validate(Brightness(), packed, PREPROCESSING)
    right, wrong = -math.log(0.75), -math.log(0.25)
    assert accuracy == 0.75
    assert loss == pytest.approx((right + right + 0.25 * wrong + 0.75 * right + wrong) / 4)
