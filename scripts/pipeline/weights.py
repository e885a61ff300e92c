"""The network that a version is made of: the spec's architecture with a checkpoint's weights, or torchvision's."""

import hashlib
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from scripts.files import sha256
from scripts.pipeline.network import build_network, fill, load_checkpoint, require_file
from scripts.pipeline.pretrained import imagenet_weights
from scripts.pipeline.provenance import learned
from scripts.pipeline.spec import Spec


def load_network(spec: Spec, checkpoint: Path | None) -> nn.Module:
    """Return the network in evaluation mode, float32.

    Args:
        spec: of the model.
        checkpoint: instead of the spec's own weights.

    Raises:
        UserError: the weights are missing, can't be fetched, or belong to another network.
    """
    network = build_network(spec.architecture, len(spec.labels))
    if checkpoint is None and spec.weights is not None:
        fill(network, imagenet_weights(spec.architecture, spec.weights))
        return network.eval()
    return load_checkpoint(checkpoint or spec.checkpoint_path, network)


def origin(spec: Spec, checkpoint: Path | None) -> str:
    """Return where the weights come from, for a person."""
    if checkpoint is None and spec.weights is not None:
        return f"torchvision's {spec.architecture}, {spec.weights}"
    return str(checkpoint or spec.checkpoint_path)


def evidence(spec: Spec, checkpoint: Path | None) -> dict[str, Any]:
    """Return what an archive keeps about its weights: origin, SHA-256 and, as far as it is known, what they learned.

    Raises:
        UserError: they learned by another split than the spec's.
    """
    if checkpoint is None and spec.weights is not None:
        return {"weights": origin(spec, None), "weights_sha256": digest(spec, None)}
    path = checkpoint or spec.checkpoint_path
    return {"checkpoint_sha256": digest(spec, path), **learned(spec, path)}


def digest(spec: Spec, checkpoint: Path | None) -> str:
    """Return the SHA-256 in hex of the checkpoint's file, or of torchvision's weights as one would hold them.

    Raises:
        UserError: there is no such file, or the weights can't be fetched.
    """
    if checkpoint is None and spec.weights is not None:
        return hashlib.sha256(save(imagenet_weights(spec.architecture, spec.weights))).hexdigest()
    path = checkpoint or spec.checkpoint_path
    require_file(path)
    return sha256(path)
