"""Grad-CAM in the archive's own graphs: the head's gradient becomes a few nodes more in each.

They are on the graph's own weights: int8 ones stay int8, and are there once.
"""

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from torch import Tensor, nn

from scripts.pipeline.gradient import CLASS, MAP, READS

# No explanation; -1 is that of the most probable class.
NO_CLASS = -2
_PREFIX = "explanation/"
# How the exporter (scripts/pipeline/export.py) and the quantizer call a weight of the network.
_WEIGHT, _DEQUANTIZED = "network.{}", "{}_DequantizeLinear_Output"


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
    names = {"": ""} | {name: name for name in READS}
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
