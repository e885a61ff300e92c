import pytest

from handler import arithmetic
from handler.errors import ArchiveError
from handler.settings import Settings


def test_variables_without_the_prefix_are_none_of_our_business() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()


def test_variables_set_the_fields() -> None:
    settings = Settings.from_environment({"HANDLER_ARITHMETIC": "fp32", "HANDLER_THREADS": "2"})
    assert (settings.arithmetic, settings.threads) == ("fp32", 2)


def test_an_unknown_variable_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ArchiveError, match="unknown key `thread`; did you mean `threads`"):
        Settings.from_environment({"HANDLER_THREAD": "2"})


@pytest.mark.parametrize(("name", "value"), [("ARITHMETIC", "int4"), ("THREADS", "0"), ("MAX_MEGAPIXELS", "-1")])
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(ArchiveError, match=f"`{name.lower()}`.*{value}"):
        Settings.from_environment({f"HANDLER_{name}": value})


@pytest.mark.parametrize("instruction", ["avx512_vnni", "avx_vnni", "amx_int8", "dot"])
def test_auto_takes_int8_where_the_cpu_has_int8_dot_products(instruction: str) -> None:
    assert arithmetic.choose(("int8", "fp32"), "auto", {instruction: True}) == "int8"


def test_auto_takes_fp32_elsewhere() -> None:
    assert arithmetic.choose(("int8", "fp32"), "auto", {"avx512_f": True, "avx512_vnni": False}) == "fp32"


def test_the_setting_forces_either() -> None:
    assert arithmetic.choose(("int8", "fp32"), "int8", {}) == "int8"
    assert arithmetic.choose(("int8", "fp32"), "fp32", {"avx512_vnni": True}) == "fp32"


def test_a_float32_archive_always_computes_in_fp32() -> None:
    assert arithmetic.choose(("fp32",), "int8", {"avx512_vnni": True}) == "fp32"
