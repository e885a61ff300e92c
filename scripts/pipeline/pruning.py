"""A network with fewer channels: those that matter least are cut until a share of its multiply-adds is left."""

import copy

import torch
from torch import nn
from torch_pruning import importance, pruner
from torch_pruning.utils import count_ops_and_params

from scripts.pipeline.narrowing import narrow
from scripts.pipeline.network import fill

_MULTIPLE = 8
"""Channels of a layer stay a multiple of it, which vector instructions work on at once; with fewer it stays whole."""
_STEP = 0.1
_RATIOS = tuple(_STEP * number for number in range(1, 10))
"""Shares of the channels to try. More is not always less arithmetic: a layer that would be too narrow stays whole."""
_HALVINGS = 6
"""Of the step in which the wanted share is reached: to 0.2 % of a network's channels."""


class NotPrunableError(ValueError):
    """A network can't be cut so far, or not at all; the message says which."""


def pruned(network: nn.Module, keep: float, side: int) -> nn.Module:
    """Return a copy with at most `keep` of the multiply-adds, in evaluation mode; it has to be trained on.

    Channels that depend on each other go together (Fang et al. 2023, arXiv:2301.12900); over the whole network those go
    first whose weights are the smallest beside the mean of their layers. The same network gives the same channels
    everywhere.

    Args:
        network: a torchvision classifier, trained.
        keep: above 0, below 1.
        side: of its images, pixels.

    Raises:
        NotPrunableError: no cut that was tried leaves so little, or its checkpoint could not be read again.
    """
    try:
        smaller = _cut(network, keep, side)
        weights = smaller.state_dict()
        fill(narrow(copy.deepcopy(network), weights), weights)
    except NotPrunableError:
        raise
    # Of some networks torch-pruning takes the layers apart wrongly, and says so by whatever happens next.
    except Exception as error:
        raise NotPrunableError(f"torch-pruning can't follow a {type(network).__name__}: {error!r}") from error
    return smaller


def multiply_adds(network: nn.Module, side: int) -> int:
    """Return how many multiplications with an addition one image of `side` pixels costs."""
    operations, _ = count_ops_and_params(copy.deepcopy(network).eval(), torch.zeros(1, 3, side, side))
    return int(operations)


def _cut(network: nn.Module, keep: float, side: int) -> nn.Module:
    whole = multiply_adds(network, side)

    def share(ratio: float) -> float:
        return multiply_adds(_without(network, ratio, side), side) / whole

    enough = next((ratio for ratio in _RATIOS if share(ratio) <= keep), None)
    if enough is None:
        least = 100 * min(map(share, _RATIOS))
        raise NotPrunableError(f"the narrowest that was found has {least:.1f} % of the multiply-adds")
    less, more = enough - _STEP, enough
    for _ in range(_HALVINGS):
        middle = (less + more) / 2
        if share(middle) <= keep:
            more = middle
        else:
            less = middle
    return _without(network, more, side)


def _without(network: nn.Module, ratio: float, side: int) -> nn.Module:
    """Return a copy without `ratio` of its channels."""
    smaller = copy.deepcopy(network).eval()
    classifier = [module for module in smaller.modules() if isinstance(module, nn.Linear)][-1]
    pruner.BasePruner(
        smaller,
        torch.zeros(1, 3, side, side),
        importance=importance.GroupMagnitudeImportance(p=2),
        global_pruning=True,
        pruning_ratio=ratio,
        ignored_layers=[classifier],
        round_to=_MULTIPLE,
    ).step()
    return smaller
