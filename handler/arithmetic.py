"""Which arithmetic an archive computes in on this CPU."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from handler.metadata import Arithmetic

# Instructions that multiply int8 and add in int32 in one step; ONNX Runtime's int8 kernels are slow without one of
# them. With one they are not always faster than fp32 either: `make bench` measures the pair on the CPU at hand.
# Names as in torch.cpu.get_capabilities().
INT8_DOT_PRODUCTS = ("avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "dot", "i8mm")


def choose(
    offered: Collection[Arithmetic],
    wanted: Literal["auto", "int8", "fp32"],
    capabilities: Mapping[str, Any],
) -> Arithmetic:
    """Return the arithmetic to run.

    Args:
        offered: the arithmetics that the archive has a graph for; a float32 archive has fp32 only.
        wanted: the operator's setting.
        capabilities: this CPU's, as `torch.cpu.get_capabilities()` gives them.
    """
    if "int8" not in offered:
        return "fp32"
    if wanted != "auto":
        return wanted
    return "int8" if any(capabilities.get(name) for name in INT8_DOT_PRODUCTS) else "fp32"
