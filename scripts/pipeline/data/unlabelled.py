"""Photos without labels: some calibrate int8, the others show whether float32 and int8 agree.

Few photos do for both, since each gives many views: crops at several sizes and places, and their mirror images.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from handler.decode import EncodedImage
from handler.errors import RequestError
from handler.metadata import Preprocessing
from handler.preprocess import preprocess
from scripts.errors import UserError
from scripts.pipeline.data.files import MAX_MEGAPIXELS
from scripts.pipeline.data.photos import photos
from scripts.pipeline.spec import Spec

Use = Literal["calibration", "gate"]
GATE_VIEWS = 360
"""At most; they are spread evenly over the photos."""


@dataclass(frozen=True)
class View:
    """A square cut out of a photo.

    Attributes:
        size: its side, of 1: the photo's shorter side.
        across: where it lies, from 0 (left) to 1 (right).
        down: the same from the top.
        mirrored: left and right exchanged.
    """

    size: float
    across: float
    down: float
    mirrored: bool

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the view of a photo, uint8 [height, width, 3]; it is a square, and at least one pixel."""
        height, width, _ = pixels.shape
        side = max(1, round(self.size * min(height, width)))
        top, left = round(self.down * (height - side)), round(self.across * (width - side))
        cut = pixels[top : top + side, left : left + side]
        return cut[:, ::-1] if self.mirrored else cut


_PLACES = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
# The whole, and ever closer.
_CUTS = [(1.0, 0.5, 0.5), (0.95, 0.0, 0.0), (0.95, 1.0, 1.0)]
_CUTS += [(size, across, down) for size in (0.85, 0.7, 0.55) for across, down in _PLACES]
VIEWS = tuple(View(*cut, mirrored) for cut, mirrored in itertools.product(_CUTS, (False, True)))


def images(spec: Spec, use: Use) -> NDArray[np.uint8]:
    """Views as the graph gets them, uint8 [views, 3, crop, crop]; the two uses have no photo in common.

    Raises:
        UserError: there are too few photos, or one can't be read.
    """
    every = photos(spec)
    # Every other one: a series of similar photos is divided, too.
    chosen = every[0::2] if use == "calibration" else every[1::2]
    count = min(spec.calibration.images if use == "calibration" else GATE_VIEWS, len(chosen) * len(VIEWS))
    return np.stack(list(_load(chosen, count, spec.preprocessing)))


def _load(chosen: Sequence[Path], count: int, to: Preprocessing) -> Iterator[NDArray[np.uint8]]:
    """Yield `count` views, spread evenly over the photos and their views; each photo is decoded once."""
    picked = np.linspace(0, len(chosen) * len(VIEWS) - 1, count).astype(int)
    for photo, group in itertools.groupby((divmod(int(number), len(VIEWS)) for number in picked), lambda pair: pair[0]):
        pixels = _decode(chosen[photo])
        for _, view in group:
            yield preprocess(VIEWS[view].of(pixels), to)


def _decode(path: Path) -> NDArray[np.uint8]:
    try:
        return EncodedImage.open(path.read_bytes(), MAX_MEGAPIXELS).decode()
    except (OSError, RequestError) as error:
        raise UserError(f"{path}: {error}; repair it or take it out") from error
