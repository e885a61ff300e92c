"""How well a network does on held-out images while it is trained."""

import torch
from torch import nn
from torch.nn import functional as F

from handler.metadata import Preprocessing
from scripts.pipeline.training.batches import normalise
from scripts.pipeline.training.packed import Packed

BATCH = 64


@torch.inference_mode()
def validate(network: nn.Module, packed: Packed, preprocessing: Preprocessing) -> tuple[float, float]:
    """Cross-entropy to the labels and top-1 accuracy of 1, in evaluation mode."""
    device = next(network.parameters()).device
    network.eval()
    batches = torch.split(packed.images, BATCH)
    logits = torch.cat([network(normalise(images.to(device), preprocessing)).float().cpu() for images in batches])
    correct = (logits.argmax(1) == packed.labels).double().mean()
    return float(F.cross_entropy(logits, packed.targets)), float(correct)
