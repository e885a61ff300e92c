from pathlib import Path

import numpy as np
import pytest

from scripts.pipeline.quantization import onnx_methods, pt2e, torch_methods
from scripts.pipeline.quantization.variants import Built, Material, Method, Missing, build

# Not compiled: that takes a C++ compiler and half a minute; `make quantization` does it.
METHODS = (*onnx_methods.METHODS, *torch_methods.METHODS, pt2e.METHODS[0])


@pytest.fixture(scope="module")
def built(material: Material) -> dict[Method, Built]:
    made, missing = build(METHODS, material)
    assert missing == []
    return made


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.name}, {method.runtime}")
def test_a_variant_agrees_with_float32_on_real_cells(
    built: dict[Method, Built], held_out: np.ndarray, method: Method
) -> None:
    expected = built[METHODS[0]].run(held_out)
    logits = built[method].run(held_out)
    assert logits.shape == (len(held_out), 2)
    assert (logits.argmax(1) == expected.argmax(1)).mean() >= 0.8
    assert np.corrcoef(logits[:, 1], expected[:, 1])[0, 1] > 0.9


def test_what_is_quantized_is_smaller_and_says_how_much_of_it_runs_in_int8(built: dict[Method, Built]) -> None:
    found = {(method.runtime, method.name): made for method, made in built.items()}
    sizes = {key: made.artefact.stat().st_size for key, made in found.items()}
    for key, made in found.items():
        if key[1] != "float32":
            assert sizes[key] < 0.8 * sizes["ONNX Runtime", "float32"], key
        assert ("int8 in" in made.arithmetic) == ("dynamic" in key[1] or key[1].startswith("static")), key
    assert found["PyTorch, eager", "dynamic (Linear)"].arithmetic == "int8 in 2 of 54 layers"
    assert found["ONNX Runtime", onnx_methods.INT8].arithmetic == "int8 in 49 of 54 layers"


def test_the_exported_program_carries_no_float32_weights_beside_the_int8_ones(built: dict[Method, Built]) -> None:
    assert built[pt2e.METHODS[0]].artefact.stat().st_size < 3_500_000


def test_a_method_that_fails_is_named_with_its_reason_and_the_others_are_built(material: Material) -> None:
    def no_compiler(_material: Material) -> Built:
        raise RuntimeError("g++ not found\nand a long trace")

    def works(given: Material) -> Built:
        return Built(given.graph, "float32", lambda images: np.zeros((len(images), 2), np.float32))

    made, missing = build([Method("a", "R", no_compiler), Method("b", "R", works)], material)
    assert [method.name for method in made] == ["b"]
    assert missing == [Missing("a", "R", "RuntimeError: g++ not found")]


def test_a_compiled_program_meets_one_image_or_whole_batches_only() -> None:
    seen: list[int] = []

    def run(images: np.ndarray) -> np.ndarray:
        seen.append(len(images))
        return images.reshape(len(images), -1)[:, :1].astype(np.float32)

    padded = pt2e._padded(run)
    for count in (1, 3, 8, 11):
        images = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
        assert padded(images)[:, 0].tolist() == list(range(count))
    assert seen == [1, 8, 8, 16]


def test_layers_in_int8_are_counted_in_the_graph_that_runs(material: Material, built: dict[Method, Built]) -> None:
    assert onnx_methods.multiplications(material.graph, "fp32") == (0, 54)
    weights = next(made.artefact for method, made in built.items() if method.name == onnx_methods.INT8_WEIGHTS)
    assert onnx_methods.multiplications(Path(weights), "fp32") == (0, 54)
