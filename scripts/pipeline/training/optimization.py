"""How a phase takes its steps: AdamW, at a learning rate that warms up and falls along a cosine."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from scripts.pipeline.spec_training import Phase

WARM_UP = 0.1
"""Share of a phase's steps in which the learning rate rises."""


def optimizer(parameters: Sequence[nn.Parameter], phase: Phase) -> torch.optim.Optimizer:
    """AdamW for those of the parameters that learn; biases and batch norm are not decayed."""
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [each for each in learning if each.ndim > 1], "weight_decay": phase.weight_decay},
        {"params": [each for each in learning if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=phase.learning_rate)


def set_rate(optimizer: torch.optim.Optimizer, phase: Phase, share: float) -> None:
    """Set the learning rate for the step at which `share` of the phase, of 1, is done."""
    rising = share / WARM_UP
    falling = 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))
    for group in optimizer.param_groups:
        group["lr"] = phase.learning_rate * (rising if share < WARM_UP else falling)
