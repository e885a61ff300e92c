"""Which arithmetic an archive computes in on this CPU."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from handler.errors import ArchiveError
from handler.metadata import Arithmetic

# Instructions that multiply int8 and add in int32 in one step; ONNX Runtime's int8 kernels are slow without one of
# them. With one they are not always faster than fp32 either: `make bench` measures the pair on the CPU at hand.
# Names as in torch.cpu.get_capabilities().
INT8_DOT_PRODUCTS = ("amx_int8", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "dot", "i8mm")
_FLOAT_VECTORS = ("avx512_f", "avx2", "neon")


def choose(
    offered: Collection[Arithmetic],
    wanted: Literal["auto", "int8", "fp32"],
    capabilities: Mapping[str, Any],
    unmeasured: Mapping[str, str],
) -> Arithmetic:
    """Return the arithmetic to run.

    Args:
        offered: the arithmetics that the archive has a graph for; a float32 archive has fp32 only.
        wanted: the operator's setting.
        capabilities: this CPU's, as `torch.cpu.get_capabilities()` gives them.
        unmeasured: arithmetics that the archive's gate could not measure, each with the reason. `auto` leaves them
            alone even where the CPU is fast at them.

    Raises:
        ArchiveError: the operator wants one that the gate did not measure.
    """
    if "int8" not in offered:
        return "fp32"
    if wanted == "int8" and "int8" in unmeasured:
        raise ArchiveError(
            f"handler.arithmetic=int8, but the gate of this archive did not measure int8 arithmetic "
            f"({unmeasured['int8']}); set handler.arithmetic=auto, or build it on a CPU that can."
        )
    if wanted != "auto":
        return wanted
    return "int8" if has_int8_dot_product(capabilities) and "int8" not in unmeasured else "fp32"


def caution(chosen: Arithmetic, capabilities: Mapping[str, Any], unmeasured: Mapping[str, str]) -> str | None:
    """Return what an operator should know of the arithmetic that was chosen on this CPU; None where there is nothing.

    Args:
        chosen: what `choose` returned.
        capabilities: as there.
        unmeasured: as there.
    """
    fast = has_int8_dot_product(capabilities)
    if chosen == "int8" and not fast:
        return (
            "handler.arithmetic=int8, though this CPU has no int8 dot product: the archive's gate measured other "
            "kernels, so how good these answers are is not known; handler.arithmetic=auto takes the graph for fp32."
        )
    if chosen != "int8" and "int8" in unmeasured and fast:
        return "fp32 arithmetic, though this CPU has int8's: the gate did not measure it there."
    return None


def has_int8_dot_product(capabilities: Mapping[str, Any]) -> bool:
    """Return whether the CPU is made for int8 arithmetic."""
    return any(capabilities.get(name) for name in INT8_DOT_PRODUCTS)


def instructions(arithmetic: Arithmetic, capabilities: Mapping[str, Any]) -> str:
    """Return what the CPU has for an arithmetic, by which ONNX Runtime chooses its kernels; `none` for neither.

    Several int8 dot products are joined by `+`; of the float vectors the widest is named.
    """
    if arithmetic == "int8":
        return "+".join(name for name in INT8_DOT_PRODUCTS if capabilities.get(name)) or "none"
    return next((name for name in _FLOAT_VECTORS if capabilities.get(name)), "none")
