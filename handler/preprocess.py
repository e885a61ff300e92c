"""An encoded image → the graph's input."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from handler.decode import EncodedImage
from handler.metadata import Preprocessing

# A JPEG may be decoded at a half, a quarter or an eighth of its size, as long as so many times the pixels are left that
# the network sees: scaling those with antialiasing then gives what scaling all of them would.
_SPARE = 2
# The bicubic filter reaches so many pixels to each side: of the source, or of the result where that is coarser.
_REACH = 2
# Pixels after scaling by which the ends of the rest may be out of place; its centre never is.
_TOLERANCE = 0.1


def load(image: EncodedImage, to: Preprocessing) -> NDArray[np.uint8]:
    """Return the decoded `image` as `preprocess` does, without decoding more pixels of a JPEG than that takes.

    Raises:
        UnreadableImage: damaged or incomplete.
    """
    return load_with_shape(image, to)[0]


def load_with_shape(image: EncodedImage, to: Preprocessing) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the same, and the rows and columns of the upright image; of a JPEG, as it was decoded."""
    pixels = image.decode(shorter_side=_SPARE * to.resize)
    height, width, _ = pixels.shape
    return preprocess(pixels, to), (height, width)


def preprocess(pixels: NDArray[np.uint8], to: Preprocessing) -> NDArray[np.uint8]:
    """Return uint8 [3, crop, crop]: the shorter side scaled to `resize` with antialiasing, then the centre square.

    Args:
        pixels: uint8 [height, width, 3], RGB, at least 1x1.
        to: the archive's description.
    """
    height, width, _ = pixels.shape
    (top, rows), (left, columns) = (_seen(side, min(height, width), to) for side in (height, width))
    # [1, 3, height, width] over channels-last memory: torch's uint8 kernel for exactly this layout. What it returns is
    # planar, and the graph takes it so: laying it out by pixels would be one more pass over all of them.
    seen = np.ascontiguousarray(pixels[top : height - top, left : width - left])
    image = torch.from_numpy(seen).permute(2, 0, 1).unsqueeze(0)
    if image.shape[2:] != (rows, columns):
        image = torch.nn.functional.interpolate(
            image, size=(rows, columns), mode=to.interpolation, antialias=True, align_corners=False
        )
    top, left = _start(rows, to), _start(columns, to)
    result: NDArray[np.uint8] = image[0, :, top : top + to.crop, left : left + to.crop].contiguous().numpy()
    return result


def region(shape: tuple[int, int], to: Preprocessing) -> dict[str, float]:
    """Return where what `preprocess` returns lies in an upright image, as fractions of its width and height.

    Args:
        shape: the image's rows and columns.
        to: the archive's description.
    """
    (top, bottom), (left, right) = (_span(side, min(shape), to) for side in shape)
    return {"left": left, "top": top, "right": right, "bottom": bottom}


def _span(side: int, shorter: int, to: Preprocessing) -> tuple[float, float]:
    scaled = _scaled(side, shorter, to)
    start = _start(scaled, to)
    return start / scaled, (start + to.crop) / scaled


def _scaled(side: int, shorter: int, to: Preprocessing) -> int:
    return round(side * to.resize / shorter)


def _start(scaled: int, to: Preprocessing) -> int:
    return (scaled - to.crop) // 2


def _seen(side: int, shorter: int, to: Preprocessing) -> tuple[int, int]:
    """Return how many pixels to cut off at both ends of a side, and how many the rest has after scaling.

    What is not seen costs nothing then. It is the largest cut that is whole pixels after scaling too, or nearly, so
    that the rest keeps its place.
    """
    scaled = _scaled(side, shorter, to)
    scale = scaled / side
    most = math.floor(_start(scaled, to) / scale) - _REACH * math.ceil(max(1, 1 / scale))
    cuts = (cut for cut in range(most, 0, -1) if abs(cut * scale - round(cut * scale)) <= _TOLERANCE)
    cut = next(cuts, 0)
    return cut, scaled - 2 * round(cut * scale)
