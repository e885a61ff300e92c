import pytest

from handler.arithmetic import caution, choose, instructions
from handler.errors import ArchiveError

VNNI = {"avx512_f": True, "avx512_vnni": True, "amx_int8": False}
PLAIN = {"avx2": True, "avx512_f": False, "avx512_vnni": False}
UNMEASURED = {"int8": "the gate's CPU has none"}
BOTH = ("int8", "fp32")


@pytest.mark.parametrize(
    ("offered", "wanted", "capabilities", "unmeasured", "chosen"),
    [
        (BOTH, "auto", VNNI, {}, "int8"),
        (BOTH, "auto", PLAIN, {}, "fp32"),
        (BOTH, "auto", VNNI, UNMEASURED, "fp32"),
        (BOTH, "int8", PLAIN, {}, "int8"),
        (BOTH, "fp32", VNNI, {}, "fp32"),
        (BOTH, "fp32", VNNI, UNMEASURED, "fp32"),
        (("fp32",), "int8", VNNI, {}, "fp32"),
    ],
)
def test_int8_runs_where_the_cpu_is_fast_at_it_and_the_gate_measured_it(
    offered, wanted, capabilities, unmeasured, chosen
) -> None:
    assert choose(offered, wanted, capabilities, unmeasured) == chosen


def test_an_arithmetic_that_no_gate_measured_can_not_be_forced() -> None:
    with pytest.raises(ArchiveError, match=r"did not measure int8 arithmetic \(the gate's CPU has none\)"):
        choose(BOTH, "int8", VNNI, UNMEASURED)


@pytest.mark.parametrize(
    ("chosen", "capabilities", "unmeasured", "says"),
    [
        ("int8", PLAIN, {}, "this CPU has no int8 dot product: the archive's gate measured other kernels"),
        ("int8", VNNI, {}, None),
        ("fp32", VNNI, UNMEASURED, "the gate did not measure it there"),
        ("fp32", VNNI, {}, None),
        ("fp32", PLAIN, UNMEASURED, None),
    ],
)
def test_an_operator_is_cautioned_where_the_gate_measured_other_kernels_than_the_cpus(
    chosen, capabilities, unmeasured, says
) -> None:
    said = caution(chosen, capabilities, unmeasured)
    assert said is None if says is None else says in said


def test_instructions_are_named_by_arithmetic() -> None:
    assert instructions("int8", {**VNNI, "amx_int8": True}) == "amx_int8+avx512_vnni"
    assert instructions("int8", PLAIN) == "none"
    assert instructions("fp32", VNNI) == "avx512_f"
    assert instructions("fp32", PLAIN) == "avx2"
