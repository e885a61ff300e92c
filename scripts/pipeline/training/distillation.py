"""What a student learns from its teacher: to see as it does (feature maps) and to judge as it does (probabilities).

Both look at the same crop, so nothing of the teacher's is kept on disk, and the student meets the teacher's opinion of
every crop that it ever sees (Beyer et al. 2022, arXiv:2106.05237).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scripts.errors import UserError
from scripts.pipeline.layers import blocks
from scripts.pipeline.spec_training import LossWeights

STRIDES = (16, 32)
"""Of the maps that are compared: pixels between two points."""
_SIDE = 224
"""Of the image that is sent through a network to find its maps; some take no other size."""


@dataclass(frozen=True)
class Opinion:
    """What a network says of a batch.

    Attributes:
        maps: its last feature map of each stride that was asked for, float [n, channels, rows, columns].
        logits: float [n, labels].
    """

    maps: tuple[Tensor, ...]
    logits: Tensor


class Observed:
    """A network whose feature maps can be read while it answers."""

    def __init__(self, network: nn.Module, strides: tuple[int, ...]) -> None:
        self.network, self._strides = network, strides
        self._maps: dict[int, Tensor] = {}
        found = _last_blocks(network, strides) if strides else []
        self.channels = tuple(channels for _, channels in found)
        for stride, (block, _) in zip(strides, found, strict=True):
            block.register_forward_hook(_Keep(self._maps, stride))

    def __call__(self, images: Tensor) -> Opinion:
        """Float [n, 3, side, side], normalised -> maps and logits."""
        logits = self.network(images)
        return Opinion(tuple(self._maps[stride] for stride in self._strides), logits)


@dataclass(frozen=True)
class _Keep:
    """A hook that puts a block's output under its stride; a class, so that a copied network gets a copy of it."""

    maps: dict[int, Tensor]
    stride: int

    def __call__(self, block: nn.Module, given: object, output: Tensor) -> None:
        self.maps[self.stride] = output


class Translation(nn.Module):
    """1x1 convolutions from the student's channels to the teacher's, thrown away after training."""

    def __init__(self, student: tuple[int, ...], teacher: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(ours, theirs, 1) for ours, theirs in zip(student, teacher, strict=True))

    def forward(self, maps: tuple[Tensor, ...]) -> list[Tensor]:
        """The student's guesses at the teacher's maps."""
        return [layer(given) for layer, given in zip(self.layers, maps, strict=True)]


class Distillation:
    """A student, its frozen teacher, and the translation between their maps."""

    def __init__(self, student: nn.Module, teacher: nn.Module, temperature: float, strides: tuple[int, ...]) -> None:
        """Observe both.

        Args:
            student: that learns.
            teacher: trained; it learns nothing.
            temperature: that softens both networks' probabilities.
            strides: of the maps to compare: `STRIDES`, or none where no loss uses maps.

        Raises:
            UserError: a network has no such maps.
        """
        frozen = teacher.eval().requires_grad_(False)
        self.student, self._teacher = Observed(student, strides), Observed(frozen, strides)
        self.translation = Translation(self.student.channels, self._teacher.channels)
        self.temperature = temperature

    def loss(self, answer: Opinion, images: Tensor, weights: LossWeights) -> Tensor:
        """What the student's answer to normalised `images` costs it, by the teacher's measure."""
        with torch.no_grad():
            opinion = self._teacher(images)
        judging = _teacher_loss(answer.logits, opinion.logits, self.temperature)
        if not weights.maps:
            return weights.teacher * judging
        return weights.teacher * judging + weights.maps * _maps_loss(self.translation(answer.maps), opinion.maps)


def _maps_loss(guesses: list[Tensor], maps: tuple[Tensor, ...]) -> Tensor:
    """Mean squared error, summed over the strides; 1.0 each is no better than answering the channels' means."""
    return torch.stack(
        [
            F.mse_loss(_fit(guess, target), _standard(target).to(guess.dtype))
            for guess, target in zip(guesses, maps, strict=True)
        ]
    ).sum()


def _teacher_loss(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Cross-entropy to the teacher's softened probabilities, times T^2 so that its gradient keeps its size."""
    softened = F.softmax(teacher / temperature, 1)
    return F.cross_entropy(logits / temperature, softened) * temperature**2


def _standard(maps: Tensor) -> Tensor:
    """Each channel's mean over the batch taken away; one scale for all, so that weak channels stay weak."""
    centred = maps - maps.mean((0, 2, 3), keepdim=True)
    return centred / centred.square().mean().sqrt().clamp_min(1e-6)


def _fit(guess: Tensor, target: Tensor) -> Tensor:
    if guess.shape[-2:] == target.shape[-2:]:
        return guess
    return F.interpolate(guess, target.shape[-2:], mode="bilinear", align_corners=False)


def has_maps(network: nn.Module) -> bool:
    """Whether a network has maps of `STRIDES`."""
    try:
        _last_blocks(network, STRIDES)
    except UserError:
        return False
    return True


@torch.inference_mode()
def _last_blocks(network: nn.Module, strides: tuple[int, ...]) -> list[tuple[nn.Module, int]]:
    """The last block of each stride and its number of channels.

    Raises:
        UserError: the network has no such maps.
    """
    seen: dict[int, tuple[nn.Module, int]] = {}

    def look(block: nn.Module, given: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:  # noqa: PLR2004
            seen[_SIDE // output.shape[-1]] = block, output.shape[1]

    hooks = [block.register_forward_hook(look) for block in blocks(network)]
    trains = network.training
    device = next(network.parameters()).device
    network.eval()(torch.zeros(1, 3, _SIDE, _SIDE, device=device))
    network.train(trains)
    for hook in hooks:
        hook.remove()
    if not set(strides) <= seen.keys():
        raise UserError(
            f"{type(network).__name__} has no feature maps of strides {strides}; set each phase's `loss.maps` to 0"
        )
    return [seen[stride] for stride in strides]
