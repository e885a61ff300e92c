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
_TRIED = 8


def load(image: EncodedImage, to: Preprocessing) -> NDArray[np.uint8]:
    """Return the decoded `image` as `preprocess` does, without decoding more pixels of a JPEG than that takes.

    Raises:
        UnreadableImage: damaged or incomplete.
    """
    return preprocess(image.decode(shorter_side=_SPARE * to.resize), to)


def preprocess(pixels: NDArray[np.uint8], to: Preprocessing) -> NDArray[np.uint8]:
    """Return uint8 [3, crop, crop]: the shorter side scaled to `resize` with antialiasing, then the centre square.

    Args:
        pixels: uint8 [height, width, 3], RGB, at least 1x1.
        to: the archive's description.
    """
    scaled = [round(side * to.resize / min(pixels.shape[:2])) for side in pixels.shape[:2]]
    cuts = [_unseen(side, size, to.crop) for side, size in zip(pixels.shape[:2], scaled, strict=True)]
    (top, left), size = (cut for cut, _ in cuts), [size - 2 * cut for size, (_, cut) in zip(scaled, cuts, strict=True)]
    seen = pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]
    # [1, 3, height, width] over channels-last memory: torch's uint8 kernel for exactly this layout. What it returns is
    # planar, and the graph takes it so: laying it out by pixels would cost half as much again.
    source = torch.from_numpy(np.ascontiguousarray(seen)).permute(2, 0, 1).unsqueeze(0)
    if size != list(seen.shape[:2]):
        source = torch.nn.functional.interpolate(
            source, size=size, mode=to.interpolation, antialias=True, align_corners=False
        )
    top, left = ((side - to.crop) // 2 for side in size)
    result: NDArray[np.uint8] = source[0, :, top : top + to.crop, left : left + to.crop].contiguous().numpy()
    return result


def _unseen(side: int, scaled: int, crop: int) -> tuple[int, int]:
    """Return what can be cut off at both ends of a side, in pixels before and after scaling: it costs nothing then.

    Of the largest few cuts it is the one that comes nearest to whole pixels after scaling, so that the rest keeps its
    place to some hundredths of a pixel.
    """
    scale = scaled / side
    most = math.floor((scaled - crop) // 2 / scale) - _REACH * math.ceil(max(1, 1 / scale))
    tried = range(max(0, most - _TRIED + 1), max(0, most) + 1)
    cut = min(tried, key=lambda pixels: abs(pixels * scale - round(pixels * scale)))
    return cut, round(cut * scale)
