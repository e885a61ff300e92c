"""The gradient of a network's head, traced into operators, so that a worker needs no autograd for Grad-CAM.

The head is whatever the network does with its last feature map.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch._decomp import core_aten_decompositions
from torch.func import functional_call, functionalize, vjp
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.graph import CodeGen
from torch.jit._trace import TracerWarning

from scripts.pipeline.export import OPSET, last_map

MAP = "map"
CLASS = "class_index"
READS = ("features", "logits", CLASS)
"""What the gradient reads of the serving graph beside weights."""


def gradient_of_head(network: nn.Module, side: int) -> onnx.ModelProto | None:
    """Return a graph from features, logits and class to the map; None where the head reads more than the last map.

    Inputs: features float32 [1, channels, rows, columns], logits float32 [1, classes], class_index int64 [1] (less than
    0: the largest logit's), and the head's weights by their names in the network. Output: map float32 [1, rows,
    columns], the sum of the channels weighted by the mean of the logit's gradient in each, at least 0.

    Args:
        network: a torchvision classifier in evaluation mode.
        side: of its images, pixels.
    """
    layer = network.get_submodule(last_map(network, side))
    image = torch.zeros(1, 3, side, side)
    features, logits = _run(network, layer, image)
    if features.ndim != image.ndim:
        return None
    weights = {name: value.detach() for name, value in (*network.named_parameters(), *network.named_buffers())}
    read = (features.contiguous(), logits, torch.tensor([-1]))
    function = functionalize(_grad_cam(network, layer), remove="mutations")
    # Without backward operators, which the exporter does not know.
    primitives: Any = core_aten_decompositions()
    traced = make_fx(function, decomposition_table=primitives)(weights, image, *read)
    used = _drop_unused(traced, list(weights))
    return None if used is None else _to_onnx(traced, {name: weights[name] for name in used}, read)


@torch.no_grad()
def _run(network: nn.Module, layer: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    found: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output.clone()))
    logits: Tensor = network(image)
    hook.remove()
    return found[-1], logits


def _grad_cam(network: nn.Module, layer: nn.Module) -> Callable[..., Tensor]:
    """Return the map as a function of weights, an image that makes no difference, features, logits and class."""

    def logits_of(features: Tensor, weights: Mapping[str, Tensor], image: Tensor) -> Tensor:
        # Copied, for some networks go on in place.
        hook = layer.register_forward_hook(lambda *_: features.clone())
        try:
            found: Tensor = functional_call(network, dict(weights), (image,))
        finally:
            hook.remove()
        return found

    def grad_cam(
        weights: Mapping[str, Tensor], image: Tensor, features: Tensor, logits: Tensor, index: Tensor
    ) -> Tensor:
        chosen = torch.where(index < 0, logits.argmax(1), index)
        is_chosen = torch.arange(logits.shape[1]) == chosen
        one_hot = torch.where(is_chosen, torch.ones(()), torch.zeros(())).unsqueeze(0)
        pull = vjp(lambda given: logits_of(given, weights, image), features)[1]
        (gradient,) = pull(one_hot)
        return torch.relu((gradient.mean((2, 3), keepdim=True) * features).sum(1))

    return grad_cam


def _drop_unused(traced: GraphModule, weights: Sequence[str]) -> list[str] | None:
    """Take out of a traced `_grad_cam` all that its map does not depend on; return the weights that are left.

    None where the image is left: the head reads more of the network than the last map.
    """
    traced.graph.eliminate_dead_code()
    inputs = [node for node in traced.graph.nodes if node.op == "placeholder"]
    # In the order of the arguments.
    of_weights, image = inputs[: len(weights)], inputs[len(weights)]
    if image.users:
        return None
    used = [name for name, node in zip(weights, of_weights, strict=True) if node.users]
    for node in (*of_weights, image):
        if not node.users:
            traced.graph.erase_node(node)
    # Otherwise it still takes a dictionary of weights.
    traced.graph.set_codegen(CodeGen())
    traced.recompile()
    return used


def _to_onnx(traced: GraphModule, weights: Mapping[str, Tensor], read: tuple[Tensor, ...]) -> onnx.ModelProto:
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "gradient.onnx"
        # As in scripts/pipeline/export.py.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", TracerWarning)
        torch.onnx.export(
            traced,
            (*weights.values(), *read),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[*weights, *READS],
            output_names=[MAP],
        )
        return onnx.load(path)
