"""Which parts of a network learn in a phase."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from scripts.pipeline.layers import blocks, head
from scripts.pipeline.spec_training import Phase


def choose(network: nn.Module, phase: Phase) -> None:
    """Let the parameters learn that `phase.trains` names, and no others."""
    body = blocks(network)
    network.requires_grad_(phase.trains != "head")
    if phase.trains == "head":
        head(network).requires_grad_(True)
    elif phase.trains != "all":
        for block in body[: max(0, len(body) - phase.trains)]:
            block.requires_grad_(False)


def training_mode(network: nn.Module, phase: Phase) -> None:
    """Put the network into training mode, but for the batch norms that are to keep their statistics."""
    network.train()
    for module in network.modules():
        if isinstance(module, _BatchNorm) and (phase.batch_norm == "frozen" or not _learns(module)):
            module.eval()


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
