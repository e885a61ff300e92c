from typing import Annotated, Literal

import pytest
from pydantic import Field

from handler.strict import StrictModel, load


class Inner(StrictModel):
    resize: int


class Outer(StrictModel):
    name: str
    inner: Inner
    several: dict[str, Inner] = Field(default_factory=dict)


class Folder(StrictModel):
    source: Literal["folder"]
    folder: str


class Named(StrictModel):
    source: Literal["cifar10", "mnist"]
    keep: str


class WithData(StrictModel):
    data: Annotated[Folder | Named, Field(discriminator="source")]


GOOD = {"name": "a", "inner": {"resize": 1}}


def test_a_misspelt_required_key_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match=r"^x\.yaml: unknown key `inner\.risize`; did you mean `resize`\?$"):
        load(Outer, {"name": "a", "inner": {"risize": 1}}, "x.yaml")


def test_keys_inside_a_mapping_of_records_are_known_too() -> None:
    with pytest.raises(ValueError, match=r"`several\.b\.rezise`; did you mean `resize`"):
        load(Outer, GOOD | {"several": {"b": {"resize": 1, "rezise": 2}}}, "x.yaml")


def test_a_key_like_none_gets_the_list_of_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown key `qqq`; known: name, inner, several"):
        load(Outer, GOOD | {"qqq": 1}, "x.yaml")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match="`name` is missing; add it"):
        load(Outer, {"inner": {"resize": 1}}, "x.yaml")


def test_a_wrong_value_is_shown() -> None:
    with pytest.raises(ValueError, match=r"`inner\.resize`: .*integer.*\(it is 'big'\)"):
        load(Outer, {"name": "a", "inner": {"resize": "big"}}, "x.yaml")


def test_an_unknown_kind_of_record_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match=r"^x\.yaml: `data\.source`: 'foldr' is unknown; did you mean `folder`\?$"):
        load(WithData, {"data": {"source": "foldr"}}, "x.yaml")


def test_a_kind_of_record_like_none_gets_the_list_of_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'s3' is unknown; known: folder, cifar10, mnist\.$"):
        load(WithData, {"data": {"source": "s3"}}, "x.yaml")


def test_a_record_without_its_kind_is_named() -> None:
    with pytest.raises(ValueError, match=r"^x\.yaml: `data\.source` is missing; add it\.$"):
        load(WithData, {"data": {"folder": "a"}}, "x.yaml")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"source": "folder", "foldr": "a"}, r"unknown key `data\.foldr`; did you mean `folder`\?"),
        ({"source": "mnist", "kep": "a"}, r"unknown key `data\.kep`; did you mean `keep`\?"),
        ({"source": "mnist", "folder": "a"}, r"unknown key `data\.folder`; known: source, keep"),
        ({"source": "folder"}, r"`data\.folder` is missing"),
        ({"source": "folder", "folder": 3}, r"`data\.folder`: .*string.*\(it is 3\)"),
        ("folder", r"`data` must hold keys and values \(it is 'folder'\)"),
    ],
)
def test_a_fault_inside_one_kind_of_record_is_named_by_the_keys_of_the_file(data: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"^x\.yaml: {sentence}"):
        load(WithData, {"data": data}, "x.yaml")
