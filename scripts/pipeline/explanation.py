"""Grad-CAM in the archive's own graphs, by the gradient of the network's head, so that a worker needs no autograd.

The head is whatever the network does with its last feature map. Its gradient is traced into operators, which become a
few nodes more in the graph, on the graph's own weights: int8 ones stay int8, and are there once.
"""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
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
# No explanation; -1 is that of the most probable class.
NO_CLASS = -2
# What the head's gradient reads of the graph beside weights.
_READS = ("features", "logits", CLASS)
_PREFIX = "explanation/"
# How the exporter (scripts/pipeline/export.py) and the quantizer call a weight of the network.
_WEIGHT, _DEQUANTIZED = "network.{}", "{}_DequantizeLinear_Output"


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


def explain(gradient: onnx.ModelProto, network: nn.Module, path: Path) -> None:
    """Add the input `class_index` and the output `map` to the serving graph in `path`, float32 or int8.

    The input may be left out, and is `NO_CLASS` then: there is no map, and nothing is computed for one. (ONNX Runtime
    computes what nobody asks for too, even told not to, wherever it comes before what somebody asks for.)

    Args:
        gradient: of the same network's head.
        network: whose weights are put in where the graph has them in no form.
        path: ONNX; replaced.
    """
    model = onnx.load(path)
    branch = _branch(gradient.graph, model.graph, network.state_dict())
    nothing = numpy_helper.from_array(np.zeros((0, 0, 0), np.float32), f"{_PREFIX}nothing")
    empty = helper.make_graph(
        [helper.make_node("Constant", [], [f"{_PREFIX}empty"], value=nothing)],
        "no_explanation",
        [],
        [helper.make_tensor_value_info(f"{_PREFIX}empty", onnx.TensorProto.FLOAT, [0, 0, 0])],
    )
    none, is_wanted = f"{_PREFIX}no_class", f"{_PREFIX}is_wanted"
    model.graph.node.append(helper.make_node("Greater", [CLASS, none], [is_wanted], is_wanted))
    model.graph.node.append(
        helper.make_node("If", [is_wanted], [MAP], f"{_PREFIX}if", then_branch=branch, else_branch=empty)
    )
    model.graph.input.append(helper.make_tensor_value_info(CLASS, onnx.TensorProto.INT64, [1]))
    # An input with a value of its own may be left out.
    for name in (CLASS, none):
        model.graph.initializer.append(helper.make_tensor(name, onnx.TensorProto.INT64, [1], [NO_CLASS]))
    shape = ["explained", "rows", "columns"]
    model.graph.output.append(helper.make_tensor_value_info(MAP, onnx.TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _branch(head: onnx.GraphProto, graph: onnx.GraphProto, weights: Mapping[str, Tensor]) -> onnx.GraphProto:
    """Return `head` as a branch of `graph`, which reads that one's values and weights by their names there."""
    head = copy.deepcopy(head)
    names = {"": ""} | {name: name for name in _READS}
    makers = {output: node for node in graph.node for output in node.output}
    there = {item.name for item in graph.initializer}
    nodes = []
    for item in head.input:
        if item.name in names:
            continue
        own = _WEIGHT.format(item.name)
        maker = makers.get(own) or makers.get(_DEQUANTIZED.format(own))
        names[item.name] = own
        if maker:
            # Dequantized in the branch: outside of it, that would be done for predictions too.
            names[item.name] = _PREFIX + own
            nodes.append(helper.make_node(maker.op_type, maker.input, [_PREFIX + own], _PREFIX + own))
            nodes[-1].attribute.extend(maker.attribute)
        elif own not in there:
            graph.initializer.append(numpy_helper.from_array(weights[item.name].numpy(), own))
    inner = {name: _PREFIX + name for name in (item.name for item in head.initializer)}
    inner |= {output: _PREFIX + output for node in head.node for output in node.output}
    names |= inner
    for constant in head.initializer:
        constant.name = names[constant.name]
    for node in head.node:
        node.name = _PREFIX + node.name
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for output in head.output:
        output.name = names[output.name]
    return helper.make_graph([*nodes, *head.node], "explanation", [], head.output, head.initializer)


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
            input_names=[*weights, *_READS],
            output_names=[MAP],
        )
        return onnx.load(path)
