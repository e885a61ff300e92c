import io
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import preprocessing
from handler.engine import Engine
from handler.metadata import Metadata


@pytest.mark.parametrize("kind", preprocessing.FORMATS)
def test_the_handlers_pixels_are_near_the_references(int8_folder: Path, cell: bytes, kind: str) -> None:
    to = Metadata.load_verified(int8_folder).preprocessing
    encoded = preprocessing.encode(Image.open(io.BytesIO(cell)).convert("RGB"), kind)
    ours, theirs = (pipeline(encoded, to).astype(int) for pipeline in (preprocessing.handlers, preprocessing.reference))
    assert ours.shape == theirs.shape == (3, to.crop, to.crop)
    assert abs(ours - theirs).mean() < 2


def test_images_are_of_mixed_sizes_and_formats_and_always_the_same() -> None:
    images = [Image.open(io.BytesIO(encoded)) for encoded in preprocessing.mixed(12)]
    assert {image.format for image in images} == set(preprocessing.FORMATS)
    assert len({image.size for image in images}) == 12
    assert all(32 <= side <= 4000 for image in images for side in image.size)
    again = [Image.open(io.BytesIO(encoded)).size for encoded in preprocessing.mixed(12)]
    assert again == [image.size for image in images]


def test_answers_agree_with_the_references(int8_folder: Path) -> None:
    metadata = Metadata.load_verified(int8_folder)
    engine = Engine.load(int8_folder / metadata.graphs["fp32"], "fp32", threads=1)
    found = preprocessing.agreement(engine, metadata.preprocessing, preprocessing.mixed(24))
    # One close call in so few may go either way; the 500 of benchmarks.preprocessing decide.
    assert found.same >= 23
    assert found.images == 24
