import pytest
from pydantic import Field

from handler.strict import StrictModel, load


class Inner(StrictModel):
    resize: int


class Outer(StrictModel):
    name: str
    inner: Inner
    several: dict[str, Inner] = Field(default_factory=dict)


GOOD = {"name": "a", "inner": {"resize": 1}}


def test_a_misspelt_required_key_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match=r"^x\.yaml: unknown key `inner\.risize`; did you mean `resize`\?$"):
        load(Outer, {"name": "a", "inner": {"risize": 1}}, "x.yaml")


def test_keys_inside_a_mapping_of_records_are_known_too() -> None:
    with pytest.raises(ValueError, match=r"`several\.b\.rezise`; did you mean `resize`"):
        load(Outer, GOOD | {"several": {"b": {"resize": 1, "rezise": 2}}}, "x.yaml")


def test_a_key_like_none_gets_the_list_of_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown key `qqq`; known keys: name, inner, several"):
        load(Outer, GOOD | {"qqq": 1}, "x.yaml")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match="`name` is missing; add it"):
        load(Outer, {"inner": {"resize": 1}}, "x.yaml")


def test_a_wrong_value_is_shown() -> None:
    with pytest.raises(ValueError, match=r"`inner\.resize`: .*integer.*\(it is 'big'\)"):
        load(Outer, {"name": "a", "inner": {"resize": "big"}}, "x.yaml")
