"""Decoded pixels → the graph's input."""

import numpy as np
import torch
from numpy.typing import NDArray

from handler.metadata import Preprocessing


def preprocess(pixels: NDArray[np.uint8], to: Preprocessing) -> NDArray[np.uint8]:
    """Return uint8 [3, crop, crop]: the centre square, scaled with antialiasing.

    The square is cut out of the source before scaling, so that a photo's margins cost nothing;
    its side is `crop / resize` of the shorter side, which is what scaling first would keep.

    Args:
        pixels: uint8 [height, width, 3], RGB, at least 1x1.
        to: the archive's description.
    """
    height, width, _ = pixels.shape
    side = max(1, round(min(height, width) * to.crop / to.resize))
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    if side == to.crop:
        return np.ascontiguousarray(square.transpose(2, 0, 1))
    # [1, 3, side, side] over channels-last memory: torch's uint8 kernel for exactly this layout. What it returns is
    # planar, and the graph takes it so: laying it out by pixels would cost half as much again.
    source = torch.from_numpy(square).permute(2, 0, 1).unsqueeze(0)
    scaled = torch.nn.functional.interpolate(
        source, size=(to.crop, to.crop), mode=to.interpolation, antialias=True, align_corners=False
    )
    result: NDArray[np.uint8] = scaled[0].contiguous().numpy()
    return result
