import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from handler.metadata import Preprocessing
from handler.preprocess import preprocess

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


def test_it_is_what_scaling_first_and_then_cropping_gives() -> None:
    ramp = np.linspace(0, 255, 300)
    pixels = np.stack([np.add.outer(ramp, ramp) / 2] * 3, axis=-1).astype(np.uint8)
    scaled = interpolate(
        torch.from_numpy(pixels).permute(2, 0, 1)[None], size=(256, 256), mode="bilinear", antialias=True
    )
    reference = scaled[0, :, 16:240, 16:240].numpy().astype(int)
    assert np.abs(preprocess(pixels, IMAGENET).astype(int) - reference).max() <= 2


def test_a_crop_larger_than_the_resized_image_is_refused() -> None:
    with pytest.raises(ValueError, match="crop"):
        Preprocessing(resize=200, crop=224, mean=(0, 0, 0), std=(1, 1, 1))
