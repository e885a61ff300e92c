"""int8 weights without int8 arithmetic: the same graph, its activations not rounded."""

from pathlib import Path

import onnx


def keep_weights_only(int8_graph: Path, weights_graph: Path) -> None:
    """Write `int8_graph` without the rounding of activations: the same int8 weights for fp32 arithmetic."""
    model = onnx.load(int8_graph)
    weights = {initializer.name for initializer in model.graph.initializer}
    rounded = {
        node.output[0]: node.input[0]
        for node in model.graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] not in weights
    }
    restored = {
        node.output[0]: rounded[node.input[0]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in rounded
    }
    outputs = {output.name for output in model.graph.output}
    kept = [node for node in model.graph.node if not ({node.output[0]} & (rounded.keys() | restored.keys()))]
    for node in kept:
        node.input[:] = [_origin(name, restored) for name in node.input]
    for name in outputs & restored.keys():
        # An output must keep its name; the node that computes it takes that name over.
        _rename(kept, _origin(name, restored), name)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    initializers = [initializer for initializer in model.graph.initializer if initializer.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(initializers)
    onnx.checker.check_model(model)
    onnx.save(model, weights_graph)


def _origin(name: str, restored: dict[str, str]) -> str:
    while name in restored:
        name = restored[name]
    return name


def _rename(nodes: list[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
