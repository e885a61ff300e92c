"""A torchvision classifier in parts: its head, the blocks of its body in order, and weights for the body alone."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from scripts.errors import UserError
from scripts.pipeline.network import brief, fill

# What torchvision calls the part of a network that holds its blocks; other parts are blocks themselves.
_TRUNKS = ("features", "layers", "blocks", "encoder", "trunk_output")
_NORMS = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)


def head(network: nn.Module) -> nn.Module:
    """Return what turns pooled features into logits: torchvision's `fc`, `classifier`, `head` or `heads`."""
    return network.get_submodule(head_name(network))


def head_name(network: nn.Module) -> str:
    """Return the head's name in `network`: that of the last part with weights."""
    return [name for name, part in network.named_children() if _has_weights(part)][-1]


def blocks(network: nn.Module) -> list[nn.Module]:
    """Return the body's blocks from the image to the head, for instance to train the last ones first.

    Of a MobileNet these are the children of `features`; of a ResNet the stem and `layer1` to `layer4`; of a vision
    transformer the embedding of patches and the encoder's layers. A normalisation belongs to the block before it.
    Together with the head they hold all parameters but a vision transformer's class token and position embedding,
    which are no module's.
    """
    name = head_name(network)
    found: list[list[nn.Module]] = []
    for part in _parts([(child, part) for child, part in network.named_children() if child != name]):
        if isinstance(part, _NORMS) and found:
            found[-1].append(part)
        elif _has_weights(part):
            found.append([part])
    return [block[0] if len(block) == 1 else nn.ModuleList(block) for block in found]


def load_body(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights that were trained for another number of classes into `network`; it keeps its own where those differ.

    Args:
        network: whose head may be new.
        weights: a state dict of the same architecture. Of the head, what has another shape is left out.

    Raises:
        UserError: anything else does not fit.
    """
    own = network.state_dict()
    prefix = f"{head_name(network)}."
    chosen = {
        name: own[name] if name.startswith(prefix) and name in own and own[name].shape != value.shape else value
        for name, value in weights.items()
    }
    try:
        fill(network, chosen)
    except RuntimeError as error:
        name = type(network).__name__
        raise UserError(f"the weights are not those of a {name} like this one ({brief(error)})") from error


def by_label(
    network: nn.Module, weights: Mapping[str, Tensor], theirs: Sequence[str], ours: Sequence[str]
) -> dict[str, Tensor]:
    """Return weights of a network with the labels `theirs` for `network`, which has the labels `ours`.

    Of the layer that answers, a label's row goes where that label is; what they lack keeps the network's own.

    Args:
        network: of the same architecture.
        weights: a state dict.
        theirs: labels of the weights, by index.
        ours: labels of the network, by index.
    """
    own, chosen = network.state_dict(), dict(weights)
    answers = [name for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    for name in (f"{answers}.weight", f"{answers}.bias"):
        if name not in own or name not in weights or own[name].shape[1:] != weights[name].shape[1:]:
            continue
        known = {label: weights[name][at] for at, label in enumerate(theirs)}
        chosen[name] = torch.stack([known.get(label, own[name][at]) for at, label in enumerate(ours)])
    return chosen


def _parts(children: list[tuple[str, nn.Module]]) -> Iterator[nn.Module]:
    for name, part in children:
        if name in _TRUNKS:
            yield from _parts(list(part.named_children()))
        else:
            yield part


@torch.inference_mode()
def require_side(network: nn.Module, side: int, key: str) -> None:
    """Send an empty image through `network`, in evaluation mode.

    Args:
        network: whose batch norms would learn from it in training mode.
        side: of the image, pixels.
        key: what sets it, for the error.

    Raises:
        UserError: the network takes no images of this side.
    """
    device = next(network.parameters()).device
    try:
        network(torch.zeros(1, 3, side, side, device=device))
    except (RuntimeError, AssertionError) as error:  # Of a layer that shrinks it to nothing; a transformer's check.
        raise UserError(
            f"{type(network).__name__} takes no images of {side} x {side} pixels ({error}): change {key}"
        ) from error


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None
