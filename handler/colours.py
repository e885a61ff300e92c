"""A decoded image of any mode → RGB on white."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Pixels that are converted at once. Each step makes a copy; of a whole image those would be several times its size.
_PIECE = 1 << 18

_PHOTOMETRIC = 262
_Box = tuple[int, int, int, int]


def rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return uint8 [height, width, 3], RGB; what is transparent becomes white.

    Args:
        image: its pixels decoded.
    """
    width, height = image.size
    convert = _from_16_bits if is_deep(image) else _from_8_bits
    if width * height <= _PIECE:
        pixels = convert(image)
    else:
        pixels = np.empty((height, width, 3), np.uint8)
        for left, top, right, bottom in _boxes(width, height):
            pixels[top:bottom, left:right] = convert(image.crop((left, top, right, bottom)))
    # Pillow knows of it for fewer bits only.
    if is_deep(image) and is_white_zero(image):
        np.subtract(np.iinfo(np.uint8).max, pixels, out=pixels)
    return pixels


def is_deep(image: Image.Image) -> bool:
    """Return whether it has 16 bits of grey."""
    return image.mode.startswith("I;16")


def is_white_zero(image: Image.Image) -> bool:
    """Return whether it comes from a TIFF (6.0, section 4) in which 0 is white."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0


def _boxes(width: int, height: int) -> Iterator[_Box]:
    columns = min(width, _PIECE)
    rows = max(_PIECE // columns, 1)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield left, top, min(left + columns, width), min(top + rows, height)


def _from_8_bits(image: Image.Image) -> NDArray[np.uint8]:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"))


def _from_16_bits(image: Image.Image) -> NDArray[np.uint8]:
    # Pillow's own conversion clips at 255 instead of scaling.
    samples = np.asarray(image)
    grey = (samples >> 8).astype(np.uint8)
    transparent = image.info.get("transparency")
    if transparent is not None:
        grey[samples == transparent] = np.iinfo(np.uint8).max
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
