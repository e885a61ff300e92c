"""What a batch teaches: its labels and, where there is one, its teacher's opinion."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scripts.pipeline.spec_training import LossWeights, Training
from scripts.pipeline.training.distillation import Distillation


class Lesson:
    """The loss of a training run."""

    def __init__(
        self, network: nn.Module, training: Training, targets: Tensor, distillation: Distillation | None
    ) -> None:
        """Weigh the classes as the spec wants it.

        Args:
            network: that learns.
            training: of the spec.
            targets: of all training images, float [images, labels].
            distillation: from a teacher to `network`.
        """
        self.network, self.distillation = network, distillation
        self.label_smoothing = training.label_smoothing
        shares = targets.mean(0)
        balanced = 1 / (len(shares) * shares.clamp_min(1e-12))
        self.class_weights = balanced if training.class_weights == "balanced" else torch.ones_like(shares)

    @property
    def heads(self) -> nn.Module:
        """What learns with the network and is thrown away after training."""
        return self.distillation.translation if self.distillation else nn.Module()

    def loss(self, images: Tensor, targets: Tensor, weights: LossWeights) -> Tensor:
        """The weighted sum of all lessons of a batch.

        Args:
            images: float [n, 3, side, side], normalised.
            targets: float [n, labels]: probability of each label.
            weights: of the phase.
        """
        if self.distillation is None or not (weights.teacher or weights.maps):
            return weights.labels * self._labels_loss(self.network(images), targets)
        answer = self.distillation.student(images)
        told = self.distillation.loss(answer, images, weights)
        return weights.labels * self._labels_loss(answer.logits, targets) + told

    def _labels_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        weights = self.class_weights.to(logits.device)
        return F.cross_entropy(logits, targets, weights, label_smoothing=self.label_smoothing)
