"""torchao's static quantization of an exported program (PT2E), run op by op and compiled.

https://docs.pytorch.org/ao/stable/pt2e_quantization/index.html
"""

import functools
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._dynamo.utils import counters
from torch._inductor import config as inductor

from handler.arithmetic import has_int8_dot_product
from scripts.pipeline.quantization.torch_methods import BATCH, Classifier, runner
from scripts.pipeline.quantization.variants import Built, Material, Method, Runner

_CALIBRATION_BATCH = 32
_MULTIPLICATIONS = ("aten.conv2d.default", "aten.linear.default")


def op_by_op(material: Material) -> Built:
    """Return the quantized program as it is exported: it rounds as int8 does, and multiplies in float32."""
    program, artefact = _quantized(material)
    return Built(artefact, "float32 on rounded values", runner(program))


def compiled(material: Material) -> Built:
    """Return the same program compiled for this CPU by Inductor, which needs a C++ compiler; not what is saved."""
    program, artefact = _quantized(material)
    layers = sum(str(node.target) in _MULTIPLICATIONS for node in program.graph.nodes)
    counters.clear()
    run = _padded(runner(torch.compile(program, dynamic=False)))
    # As configuration: as options of torch.compile it comes too late for Dynamo, which then keeps weights as inputs.
    # Without the cache, so that what is fused is counted anew.
    with _quiet(), inductor.patch(freezing=True, fx_graph_cache=False):
        run(material.calibration[:BATCH])
        found = counters["inductor"]
        int8 = found["qconv_weight_prepack_matcher_count"] + found["qlinear_weight_prepack_matcher_count"]
        run(material.calibration[:1])
    return Built(artefact, f"int8 in {int8} of {layers} layers", run)


METHODS = (
    Method("torchao PT2E, static", "PyTorch, op by op", op_by_op),
    Method("torchao PT2E, static", "PyTorch, Inductor", compiled),
)


@functools.cache
def _quantized(material: Material) -> tuple[Any, Path]:
    """Return the quantized program, and it saved."""
    with _quiet():
        from torchao.quantization.pt2e import move_exported_model_to_eval  # noqa: PLC0415  (loading it warns)
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e  # noqa: PLC0415
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86  # noqa: PLC0415

        example, batch = (torch.from_numpy(material.calibration[:2]),), torch.export.Dim("batch", min=1, max=1024)
        quantizer = x86.X86InductorQuantizer()
        # Activations of seven bits where 16-bit sums would saturate, as the archives' weights have for such CPUs.
        narrow = not has_int8_dot_product(torch.cpu.get_capabilities())
        quantizer.set_global(x86.get_default_x86_inductor_quantization_config(reduce_range=narrow))
        exported = torch.export.export(Classifier(material).eval(), example, dynamic_shapes=({0: batch},)).module()
        program = prepare_pt2e(exported, quantizer)
        with torch.no_grad():
            for images in torch.split(torch.from_numpy(material.calibration), _CALIBRATION_BATCH):
                program(images)
        program = move_exported_model_to_eval(convert_pt2e(program))
        _drop_unused(program)
        artefact = material.folder / "pt2e.pt2"
        saved = torch.export.export(program, example, dynamic_shapes=({0: batch},))
        saved.example_inputs = None
        torch.export.save(saved, artefact)
    return program, artefact


def _drop_unused(program: torch.fx.GraphModule) -> None:
    """Remove the float32 weights that conversion leaves beside their int8 copies: nothing reads them."""
    used = {node.target for node in program.graph.nodes if node.op == "get_attr"}
    for name in [*dict(program.named_parameters()), *dict(program.named_buffers())]:
        if name not in used:
            owner, _, attribute = name.rpartition(".")
            delattr(program.get_submodule(owner), attribute)


def _padded(run: Runner) -> Runner:
    """Return `run` for one image or whole batches only: each other size would be compiled anew."""

    def padded(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        count = len(images)
        if count == 1 or count % BATCH == 0:
            return run(images)
        return run(np.concatenate([images, np.repeat(images[-1:], -count % BATCH, axis=0)]))[:count]

    return padded


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what torchao warns of when it loads (CUDA kernels, deprecations of its own) and Inductor's warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
