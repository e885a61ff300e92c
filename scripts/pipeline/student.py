"""The student: the network to be served, with two heads that are thrown away once it has learned the teacher's maps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scripts.pipeline.spec import LossWeights
from scripts.pipeline.teacher import LAST_SIZE, MIDDLE_SIZE
from scripts.pipeline.views import Batch

MIDDLE_STRIDE = 16


@dataclass(frozen=True)
class Answer:
    """What the student says of a batch of n images."""

    middle: Tensor
    """float [n, 48, side / 16, side / 16]: its guess at the teacher's middle map."""
    last: Tensor
    """float [n, 128, side / 32, side / 32]."""
    logits: Tensor
    """float [n, 2]."""


class Student(nn.Module):
    """A torchvision MobileNetV3 and two 1x1 convolutions that translate its maps into the teacher's components."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        middle_channels, last_channels, self.middle_end = _layout(network)
        self.to_middle = nn.Conv2d(middle_channels, MIDDLE_SIZE, 1)
        self.to_last = nn.Conv2d(last_channels, LAST_SIZE, 1)

    def forward(self, images: Tensor) -> Answer:
        """Float [n, 3, side, side], normalised -> the two maps and the logits."""
        layers: nn.Sequential = self.network.features  # type: ignore[assignment]
        middle = layers[: self.middle_end](images)
        last = layers[self.middle_end :](middle)
        pooled = F.adaptive_avg_pool2d(last, 1).flatten(1)
        logits = self.network.classifier(pooled)  # type: ignore[operator]
        return Answer(self.to_middle(middle), self.to_last(last), logits)


def loss_of(answer: Answer, batch: Batch, weights: LossWeights) -> Tensor:
    """Mean squared error of the maps (1.0 is no better than their mean) and cross-entropy to the soft labels."""
    maps = F.mse_loss(answer.middle, batch.middle) + F.mse_loss(answer.last, batch.last)
    defect = weights.teacher * batch.teacher + (1 - weights.teacher) * batch.probability
    targets = torch.stack([1 - defect, defect], 1)
    return weights.maps * maps + weights.labels * F.cross_entropy(answer.logits, targets)


@torch.inference_mode()
def _layout(network: nn.Module) -> tuple[int, int, int]:
    """Channels of the last map of stride 16 and of the last map; the index of the first layer of stride 32."""
    side = 4 * MIDDLE_STRIDE
    value, channels, end = torch.zeros(1, 3, side, side), 0, 0
    network.eval()
    layers: nn.Sequential = network.features  # type: ignore[assignment]
    for index, layer in enumerate(layers):
        value = layer(value)
        if value.shape[-1] == side // MIDDLE_STRIDE:
            channels, end = value.shape[1], index + 1
    return channels, value.shape[1], end
