"""ONNX Runtime's ways: float32, dynamic, and this project's static graphs."""

import logging
from pathlib import Path

import onnx
import onnxruntime
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from handler.engine import Engine
from handler.metadata import Arithmetic
from scripts.pipeline.quantization.variants import Built, Material, Method
from scripts.pipeline.quantize import quantize, quantize_for_serving

RUNTIME = "ONNX Runtime"
PER_TENSOR, INT8, INT8_WEIGHTS = "static, per tensor", "static, per channel", "int8 weights, per channel"
# Operators that multiply int8, as ONNX Runtime's own optimizer leaves them, and those that multiply float32.
_INT8 = ("QLinearConv", "ConvInteger", "QGemm", "QLinearMatMul", "MatMulInteger", "DynamicQuantizeMatMul")
_FLOAT32 = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")


def float32(material: Material) -> Built:
    """Return the graph of a float32 archive."""
    return _built(material.graph, "fp32")


def dynamic(material: Material) -> Built:
    """Return ONNX Runtime's dynamic quantization with its defaults: each activation's range is found at each run."""
    prepared, graph = material.folder / "prepared.onnx", material.folder / "dynamic.onnx"
    quant_pre_process(str(material.graph), str(prepared), skip_symbolic_shape=True)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # That the uint8 input is not quantized goes without saying.
    try:
        quantize_dynamic(prepared, graph)
    finally:
        logging.disable(before)
    return _built(graph, "int8")


def per_tensor(material: Material) -> Built:
    """Return the static graph with one scale for each weight tensor."""
    graph = material.folder / "per_tensor.onnx"
    quantize(material.graph, material.calibration, graph, per_channel=False)
    return _built(graph, "int8")


def per_channel(material: Material) -> Built:
    """Return the graph for int8 arithmetic of an int8 archive."""
    return _built(_archived(material)["int8"], "int8")


def int8_weights(material: Material) -> Built:
    """Return the graph for fp32 arithmetic of an int8 archive."""
    return _built(_archived(material)["fp32"], "fp32")


METHODS = (
    Method("float32", RUNTIME, float32),
    Method("dynamic", RUNTIME, dynamic),
    Method(PER_TENSOR, RUNTIME, per_tensor),
    Method(INT8, RUNTIME, per_channel),
    Method(INT8_WEIGHTS, RUNTIME, int8_weights),
)


def multiplications(graph: Path, arithmetic: Arithmetic) -> tuple[int, int]:
    """Return how many convolutions and matrix products run in int8, and how many there are.

    Counted in the graph that ONNX Runtime's optimizer makes for this CPU.
    """
    optimized = graph.with_suffix(".optimized.onnx")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(optimized)
    options.log_severity_level = 3  # It warns that the file is for this machine only.
    if arithmetic == "fp32":
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(optimized).graph.node]
    int8 = sum(kinds.count(kind) for kind in _INT8)
    return int8, int8 + sum(kinds.count(kind) for kind in _FLOAT32)


def _archived(material: Material) -> dict[Arithmetic, Path]:
    """Return both graphs of an int8 archive."""
    graphs: dict[Arithmetic, Path] = {
        "int8": material.folder / "per_channel.onnx",
        "fp32": material.folder / "int8_weights.onnx",
    }
    if not graphs["fp32"].is_file():
        quantize_for_serving(material.graph, material.calibration, graphs["int8"], graphs["fp32"])
    return graphs


def _built(graph: Path, arithmetic: Arithmetic) -> Built:
    int8, layers = multiplications(graph, arithmetic)
    text = f"int8 in {int8} of {layers} layers" if int8 else "float32"
    return Built(graph, text, Engine.load(graph, arithmetic, threads=1).logits)
