import io
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from handler.decode import EncodedImage
from handler.metadata import Preprocessing
from handler.preprocess import load, preprocess, region

IMAGENET = Preprocessing(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@pytest.mark.parametrize("size", [(375, 500), (500, 375), (256, 256), (224, 224), (10, 10), (1, 60_000), (60_000, 1)])
def test_any_size_becomes_the_crop(size: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), 77, np.uint8)
    result = preprocess(pixels, IMAGENET)
    assert result.shape == (3, 224, 224)
    assert (result == 77).all()


def test_the_centre_is_kept_and_the_margins_are_not() -> None:
    pixels = np.zeros((256, 512, 3), np.uint8)
    pixels[:, 144:368] = 255  # the central 224 columns
    assert (preprocess(pixels, IMAGENET) == 255).all()


def test_the_region_is_the_part_of_the_image_that_is_kept() -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    place = region((300, 400), IMAGENET)
    left, right = round(place["left"] * 400), round(place["right"] * 400)
    top, bottom = round(place["top"] * 300), round(place["bottom"] * 300)
    pixels[top:bottom, left:right] = 255
    kept = preprocess(pixels, IMAGENET)
    assert (kept[:, 2:-2, 2:-2] == 255).all()
    pixels[top + 4 : bottom - 4, left + 4 : right - 4] = 0
    row = preprocess(pixels, IMAGENET)[0, 112]
    assert (row[0] > 200, row[112], row[-1] > 200) == (True, 0, True)


@pytest.mark.parametrize("resize", [224, 256])
@pytest.mark.parametrize(
    "size",
    [(375, 500), (1000, 613), (86, 115), (40, 3000), (2000, 41), (224, 231), (255, 453), (228, 304), (900, 1600)],
)
def test_it_is_what_scaling_all_of_it_and_then_cropping_gives(size: tuple[int, int], resize: int) -> None:
    to = IMAGENET.model_copy(update={"resize": resize})
    pixels = smooth(size)
    height, width = (round(side * resize / min(size)) for side in size)
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    scaled = interpolate(image, size=(height, width), mode="bilinear", antialias=True)[0].numpy()
    top, left = (height - 224) // 2, (width - 224) // 2
    reference = scaled[:, top : top + 224, left : left + 224].astype(int)
    # A shift by half a pixel, which whole pixels of the source would be, makes up to 12.
    assert np.abs(preprocess(pixels, to).astype(int) - reference).max() <= 3


def test_a_margin_costs_nothing() -> None:
    """What torch scales is little more than what is seen, however long the photo is."""
    seen: list[tuple[int, ...]] = []

    def watched(source: torch.Tensor, **how: Any) -> torch.Tensor:
        seen.append(tuple(source.shape[2:]))
        return interpolate(source, **how)

    with mock.patch("torch.nn.functional.interpolate", watched):
        preprocess(smooth((300, 3000)), IMAGENET)
        preprocess(smooth((3000, 300)), IMAGENET)
    # 262.5 pixels become the 224.
    assert [max(sides) for sides in seen] == [pytest.approx(285, abs=15)] * 2


@pytest.mark.parametrize(("size", "decoded"), [((700, 900), (700, 900)), ((1100, 901), (550, 451))])
def test_a_large_jpeg_is_decoded_no_larger_than_twice_what_is_needed(
    size: tuple[int, int], decoded: tuple[int, int]
) -> None:
    image = EncodedImage.open(jpeg(smooth(size)), 25)
    assert image.decode(shorter_side=448).shape[:2] == decoded
    assert image.decode().shape[:2] == size


@pytest.mark.parametrize("size", [(1, 100), (100, 1), (1, 1)])
def test_a_whole_jpeg_is_whole_however_narrow_it_is(size: tuple[int, int]) -> None:
    assert EncodedImage.open(jpeg(smooth(size)), 25).decode().shape[:2] == size


def test_a_jpeg_of_several_pictures_is_decoded_small_too() -> None:
    """Phones append a gain map or a second view to the picture, which is the first."""
    first, second = (Image.fromarray(smooth(size)) for size in ((1100, 901), (275, 225)))
    stream = io.BytesIO()
    first.save(stream, "MPO", save_all=True, append_images=[second], quality=95)
    image = EncodedImage.open(stream.getvalue(), 25)
    assert image.decode(shorter_side=448).shape[:2] == (550, 451)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(900, 1201), (3001, 2000), (3600, 3700)])
def test_a_jpeg_decoded_small_shows_what_a_whole_one_shows(size: tuple[int, int], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = EncodedImage.open(jpeg(smooth(size), exif=exif), 25)
    small, whole = load(image, IMAGENET).astype(int), preprocess(image.decode(), IMAGENET).astype(int)
    assert np.abs(small - whole).mean() < 1
    assert np.abs(small - whole).max() <= 8


def smooth(size: tuple[int, int]) -> np.ndarray:
    """Return uint8 [height, width, 3]: waves, some 20 of the shorter side long, another phase in each channel."""
    rows, columns = (np.arange(side) * 20 / min(size) for side in size)
    waves = [np.sin(rows[:, None] + phase) + np.sin(columns[None] * 1.3 + phase) for phase in (0, 1, 2)]
    return (127.5 + 63 * np.stack(waves, axis=-1)).astype(np.uint8)


def jpeg(pixels: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, **options)
    return stream.getvalue()


def test_a_crop_larger_than_the_resized_image_is_refused() -> None:
    with pytest.raises(ValueError, match="crop"):
        Preprocessing(resize=200, crop=224, mean=(0, 0, 0), std=(1, 1, 1))
