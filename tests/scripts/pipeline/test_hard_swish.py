from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from scripts.pipeline import hard_swish

SCALE, ZERO = 0.05, 100  # -5 to 7.75: all three pieces of the function
OUTPUT_SCALE, OUTPUT_ZERO = 8.2 / 255, 12
EVERY = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)


def rounded_hard_swish(path: Path, *, round_output: bool = True) -> Path:
    """Write uint8 integers → DequantizeLinear → HardSwish → QuantizeLinear → DequantizeLinear → float32."""
    values = {
        "scale": np.array(SCALE, np.float32),
        "zero": np.array(ZERO, np.uint8),
        "output_scale": np.array(OUTPUT_SCALE, np.float32),
        "output_zero": np.array(OUTPUT_ZERO, np.uint8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["integers", "scale", "zero"], ["x"]),
        helper.make_node("HardSwish", ["x"], ["y" if round_output else "rounded"], "act"),
    ]
    if round_output:
        nodes += [
            helper.make_node("QuantizeLinear", ["y", "output_scale", "output_zero"], ["y_quantized"]),
            helper.make_node("DequantizeLinear", ["y_quantized", "output_scale", "output_zero"], ["rounded"]),
        ]
    graph = helper.make_graph(
        nodes,
        "activation",
        [helper.make_tensor_value_info("integers", TensorProto.UINT8, ["batch", 1, 16, 16])],
        [helper.make_tensor_value_info("rounded", TensorProto.FLOAT, ["batch", 1, 16, 16])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def optimized(path: Path) -> list[str]:
    """Return the operators that ONNX Runtime runs for a graph."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path.with_suffix(".optimized.onnx"))
    options.log_severity_level = 3  # It warns that the file is for this machine only.
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]


def test_every_value_is_within_its_two_roundings_of_hard_swish(tmp_path: Path) -> None:
    path = rounded_hard_swish(tmp_path / "act.onnx")
    hard_swish.compute_in_int8(path)
    found = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"integers": EVERY})
    x = (EVERY.astype(float) - ZERO) * SCALE
    expected = x * np.clip(x / 6 + 0.5, 0, 1)
    # The gate's rounding reaches the product times x; the output has its own.
    assert (np.abs(found[0] - expected) <= np.abs(x) * 0.5 / 255 + OUTPUT_SCALE / 2 + 1e-5).all()
    assert expected.max() - expected.min() > 5


def test_int8_kernels_compute_all_of_it(tmp_path: Path) -> None:
    path = rounded_hard_swish(tmp_path / "act.onnx")
    assert "HardSigmoid" in optimized(path)
    hard_swish.compute_in_int8(path)
    assert sorted(optimized(path)) == ["DequantizeLinear", "QLinearAdd", "QLinearMul"]


def test_a_hard_swish_whose_output_stays_in_float32_is_left_alone(tmp_path: Path) -> None:
    path = rounded_hard_swish(tmp_path / "act.onnx", round_output=False)
    before = onnx.load(path)
    hard_swish.compute_in_int8(path)
    assert [node.op_type for node in onnx.load(path).graph.node] == [node.op_type for node in before.graph.node]


def test_no_hard_swish_behind_an_int8_convolution_is_computed_in_float32(int8_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model_int8.onnx"
    path.write_bytes((int8_folder / path.name).read_bytes())
    kinds = optimized(path)
    assert "HardSwish" not in kinds[kinds.index("QLinearConv") :]
    assert kinds.count("QLinearAdd") > 10
