"""A torchvision classifier whose layers are as narrow as a pruned checkpoint's."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

MARK = "pruned"
"""In a checkpoint's header: its layers have other widths than the architecture's."""


def narrow(network: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """Give each layer of `network` the channels that `weights` have for it; the number of its classes stays.

    Args:
        network: of the architecture that was pruned, on the CPU; the layers' new weights are zeros, to be filled.
        weights: a state dict of the pruned network. What it lacks, or has too much, is left to who fills it in.
    """
    layers = [(name, module) for name, module in network.named_modules() if f"{name}.weight" in weights]
    for name, layer in layers:
        shape = weights[f"{name}.weight"].shape
        match layer:
            case nn.Conv2d():
                # Depthwise, each channel is a group; there are no others among torchvision's that can be pruned.
                layer.groups = shape[0] if layer.groups == layer.in_channels else layer.groups
                layer.out_channels, layer.in_channels = shape[0], shape[1] * layer.groups
                _resize(layer, ("weight", "bias"), (shape, shape[:1]))
            case nn.BatchNorm2d():
                layer.num_features = shape[0]
                _resize(layer, ("weight", "bias", "running_mean", "running_var"), (shape,) * 4)
            case nn.Linear():
                out = layer.out_features if layer is layers[-1][1] else shape[0]
                layer.in_features, layer.out_features = shape[1], out
                _resize(layer, ("weight", "bias"), ((out, shape[1]), (out,)))
    return network


def _resize(layer: nn.Module, names: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> None:
    for name, shape in zip(names, shapes, strict=True):
        old = getattr(layer, name)
        if old is None or old.shape == torch.Size(shape):
            continue
        new = torch.zeros(shape, dtype=old.dtype)
        setattr(layer, name, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)
