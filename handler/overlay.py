"""A map over the image that it explains."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Matplotlib's inferno (Smith and van der Walt, 2015; CC0) at every eighth of its range: it gets lighter steadily, so
# that more looks like more, to the colour-blind and in grey too. The demo page has them too (web/assets/overlay.js).
COLOURS = np.array(
    [
        (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
        (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164),
    ],
    np.float32,
)  # fmt: skip
# Of the colour over the image, where the map is 1; where it is 0 the image stays as it is.
_MOST_OPAQUE = 0.65


def png(image: NDArray[np.uint8], weights: NDArray[np.float32]) -> bytes:
    """Return a PNG of `image` with the map's colours over it, the more opaque the larger the map is.

    Args:
        image: uint8 [3, side, side], RGB: what the network saw.
        weights: float32 [rows, columns], 0 to 1.
    """
    height, width = image.shape[1:]
    scaled = Image.fromarray(weights.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    share = np.clip(np.asarray(scaled), 0, 1)
    opacity = _MOST_OPAQUE * share[..., np.newaxis]
    mixed = image.transpose(1, 2, 0) * (1 - opacity) + _coloured(share) * opacity
    file = io.BytesIO()
    Image.fromarray(np.rint(mixed).astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _coloured(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 [height, width, 3], 0 to 255, of shares, 0 to 1."""
    place = share * (len(COLOURS) - 1)
    below = np.minimum(place.astype(np.intp), len(COLOURS) - 2)
    part = (place - below)[..., np.newaxis]
    mixed: NDArray[np.float32] = COLOURS[below] * (1 - part) + COLOURS[below + 1] * part
    return mixed
