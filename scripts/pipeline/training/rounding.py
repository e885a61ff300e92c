"""Quantization-aware training: a network that computes with numbers rounded as its int8 archive will round them.

Rounding changes nothing in the network's own weights; gradients go through as if it had not been (Jacob et al. 2018,
arXiv:1712.05877). A weight's scale is its output channel's own, so that it is the same before and after batch norm is
folded into it. An activation's is the batch's: unlike a running range it needs no state, and a run that was stopped
goes on as it would have. What a convolution or a linear layer reads is rounded; an archive rounds what they write, too.
The first convolution stays as it is; a narrow block behind it, which an archive keeps in float32, is rounded here.
"""

import torch
from torch import Tensor, nn

from scripts.pipeline.spec_training import Phase

_WEIGHT = 64
"""Greatest of a weight's levels, and with a minus the least: seven bits, as `scripts.pipeline.quantize` leaves them."""
_ACTIVATION = 255
"""Greatest of an activation's levels; the least is 0."""
_TINY = 1e-8


class _Convolution(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        answer: Tensor = self._conv_forward(rounded_activations(input), rounded_weights(self.weight), self.bias)
        return answer


class _Linear(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.linear(rounded_activations(input), rounded_weights(self.weight), self.bias)


_KINDS: tuple[tuple[type[nn.Module], type[nn.Module]], ...] = ((nn.Conv2d, _Convolution), (nn.Linear, _Linear))


def choose(network: nn.Module, phase: Phase) -> None:
    """Let `network` compute with rounded numbers from now on if the phase wants it, else with its own."""
    first = next((layer for layer in network.modules() if isinstance(layer, nn.Conv2d)), None)
    for layer in network.modules():
        for exact, rounding in _KINDS:
            if type(layer) in (exact, rounding):
                # A layer of another class with the same parameters: no name in the checkpoint changes.
                layer.__class__ = rounding if phase.quantization_aware and layer is not first else exact


def rounded_weights(weight: Tensor) -> Tensor:
    """Float [outputs, …] -> the same on a grid of its own for each output, symmetric around 0."""
    scale = (weight.detach().abs().flatten(1).amax(1) / _WEIGHT).clamp_min(_TINY)
    zeros = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -_WEIGHT, _WEIGHT)


def rounded_activations(values: Tensor) -> Tensor:
    """Float of any shape -> the same on 256 levels from its smallest to its largest, 0 among them."""
    low, high = (bound.float() for bound in torch.aminmax(values.detach()))
    low, high = low.clamp_max(0), high.clamp_min(0)
    scale = ((high - low) / _ACTIVATION).clamp_min(_TINY)
    zero = (-low / scale).round().to(torch.int32)
    # In half precision a step of the grid could be less than what separates two numbers.
    rounded = torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, 0, _ACTIVATION)
    return rounded.to(values.dtype)
