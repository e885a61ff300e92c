"""PyTorch's ways: float32 and dynamic, run eagerly."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scripts.pipeline.export import ServingGraph
from scripts.pipeline.quantization.variants import Built, Material, Method, Runner

BATCH = 8
EAGER = "PyTorch, eager"


class Classifier(nn.Module):
    """The serving graph without its second output: what all variants have in common."""

    def __init__(self, material: Material) -> None:
        super().__init__()
        self.serving = ServingGraph(material.network, material.preprocessing)

    def forward(self, images: Tensor) -> Tensor:
        """Return float32 logits [batch, labels] of uint8 [batch, 3, crop, crop]."""
        logits: Tensor = self.serving(images)[0]
        return logits


def eager(material: Material) -> Built:
    """Return the network as PyTorch runs it."""
    network = Classifier(material).eval()
    return Built(_saved(network, material.folder / "eager.pt"), "float32", runner(network))


def dynamic(material: Material) -> Built:
    """Return PyTorch's dynamic quantization as examples use it: of Linear layers, which are all it can do here."""
    network = Classifier(material).eval()
    layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in network.modules())
    with warnings.catch_warnings():
        # Deprecated in favour of torchao, whose own dynamic quantization covers Linear layers too.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        quantized = torch.ao.quantization.quantize_dynamic(network, {nn.Linear}, dtype=torch.qint8)  # type: ignore[no-untyped-call]
        artefact = _saved(quantized, material.folder / "dynamic.pt")
    int8 = sum(isinstance(module, torch.ao.nn.quantized.dynamic.Linear) for module in quantized.modules())
    return Built(artefact, f"int8 in {int8} of {layers} layers", runner(quantized))


METHODS = (Method("float32", EAGER, eager), Method("dynamic (Linear)", EAGER, dynamic))


def runner(network: Callable[[Tensor], Tensor]) -> Runner:
    """Return what runs `network`, uint8 [batch, 3, crop, crop] to logits, on arrays."""

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad():
            parts = [network(part) for part in torch.split(torch.from_numpy(images), BATCH)]
            logits: NDArray[np.float32] = torch.cat(parts).numpy()
        return logits

    return run


def _saved(network: nn.Module, path: Path) -> Path:
    torch.save(network.state_dict(), path)
    return path
