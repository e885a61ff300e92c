"""Whatever is sent: its sender gets pixels or an error that says why, and its neighbours what they would have got."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.hostile_images import file
from handler.allowance import Allowance
from handler.bare import bare
from handler.decode import EncodedImage
from handler.errors import RequestError
from handler.metadata import Preprocessing
from handler.payload import parse
from handler.preprocess import load, preprocess
from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from tests.properties import CONTENT_TYPES, bodies, examples, mutated

IMAGENET = Preprocessing(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@pytest.fixture(scope="module")
def service(float32_folder: Path) -> Service:
    return Service.load(float32_folder, Settings())


@pytest.fixture(scope="module")
def neighbour(service: Service, cell: bytes) -> tuple[Service, Request, bytes]:
    """Return an ordinary request, and its answer where it is alone."""
    request = Request({"body": cell}, {"x-request-id": "a"})
    return service, request, service.reply_all([request])[0][0].body


def says_why(error: RequestError) -> bool:
    said = str(error)
    return 10 < len(said) < 1000 and 400 <= error.status < 500 and said.isprintable()


@examples(150)
@given(mutated())
def test_an_image_becomes_the_networks_input_or_an_error_that_says_why(content: bytes) -> None:
    try:
        pixels = load(EncodedImage.open(content, 25, Allowance(5)), IMAGENET)
    except RequestError as error:
        assert says_why(error), repr(error)
        return
    assert (pixels.shape, pixels.dtype) == ((3, 224, 224), np.uint8)


@examples(60)
@given(mutated())
def test_what_is_kept_of_an_image_that_was_answered_has_its_pixels(content: bytes) -> None:
    try:
        seen = EncodedImage.open(content, 4, Allowance(5)).decode()
        _, kept = bare(content, 4)
    except (RequestError, ValueError, OSError, SyntaxError):
        return
    np.testing.assert_array_equal(EncodedImage.open(kept, 4).decode(), seen)


@examples(40)
@given(bodies(), CONTENT_TYPES, st.dictionaries(st.sampled_from(["content-encoding", "x-top-k"]), st.text(max_size=9)))
def test_a_body_becomes_images_or_an_error_that_says_why(
    body: bytes, content_type: str, headers: Mapping[str, str]
) -> None:
    try:
        payload = parse({"body": bytearray(body)}, {"x-original-content-type": content_type, **headers}, 8)
    except RequestError as error:
        assert says_why(error), repr(error)
        return
    assert payload.images


@examples(25)
@given(bodies(), CONTENT_TYPES, st.text(max_size=9))
def test_a_neighbour_is_answered_as_if_the_body_had_not_been_there(
    neighbour: tuple[Service, Request, bytes], body: bytes, content_type: str, top_k: str
) -> None:
    hostile = Request({"body": bytearray(body)}, {"x-original-content-type": content_type, "x-top-k": top_k}, "b")
    service, request, alone = neighbour
    replies, _ = service.reply_all([hostile, request])
    assert replies[0].status < 500, replies[0].body
    assert json.loads(replies[0].body)
    assert same(replies[1].body, alone)


def same(one: bytes, other: bytes) -> bool:
    """Return whether two answers are the same but for rounding: an image's row may differ with its batch's size."""
    first, second = (json.loads(body)["predictions"] for body in (one, other))
    return [row["label"] for row in first] == [row["label"] for row in second] and all(
        abs(a["probability"] - b["probability"]) < 1e-4 for a, b in zip(first, second, strict=True)
    )


@examples(30)
@given(st.integers(1, 3000), st.integers(1, 40), st.booleans(), st.integers(0, 255))
def test_any_sides_become_the_crop(long: int, short: int, is_high: bool, grey: int) -> None:
    sides = (long, short) if is_high else (short, long)
    assert (preprocess(np.full((*sides, 3), grey, np.uint8), IMAGENET) == grey).all()
    encoded = file(Image.new("L", sides, grey), "PNG")
    assert (EncodedImage.open(encoded, 25).decode() == grey).all()
