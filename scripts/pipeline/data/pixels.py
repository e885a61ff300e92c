"""The same picture under another name: saved again without loss, in another format, without its EXIF, turned."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.decode import EncodedImage
from handler.errors import RequestError
from scripts.pipeline.data.files import MAX_MEGAPIXELS
from scripts.pipeline.data.inspection import in_threads, repeated
from scripts.pipeline.data.listing import LeftOut
from scripts.pipeline.data.sample import Sample


def known_pixels(
    new: Sequence[Sample], known: Sequence[Sample], tick: Callable[[int, int], None]
) -> dict[str, LeftOut]:
    """By name, those of `new` whose pixels an image of `known` has, or another of `new`.

    Quarter-turned and mirrored pixels are the same ones: a JPEG that lost its EXIF is often turned. Of `known`, only
    images of the size of a new one are decoded.

    Args:
        new: images that can be decoded.
        known: images that may be anything; none has the name of a new one.
        tick: called with the number of known images looked at and of all.
    """
    found = list(in_threads(_views, new))
    # One digest for all views of a picture.
    picture = {view: min(views) for _, views in found for view in views}
    sizes = {size for size, _ in found}
    digests = [(sample, min(views)) for sample, (_, views) in zip(new, found, strict=True)]
    for done, (sample, digest) in enumerate(
        zip(known, in_threads(lambda sample: _digest_of_size(sample, sizes), known), strict=True), 1
    ):
        if digest in picture:
            digests.append((sample, picture[digest]))
        tick(done, len(known))
    return repeated(digests, {sample.name for sample in known})


def _views(sample: Sample) -> tuple[frozenset[int], set[bytes]]:
    """The sides of a picture, and a digest of each of the eight ways to lay it down."""
    pixels = EncodedImage.open(sample.read(), MAX_MEGAPIXELS).decode()
    ways = [np.rot90(side, turns) for side in (pixels, pixels[:, ::-1]) for turns in range(4)]
    return frozenset(pixels.shape[:2]), {_digest(way) for way in ways}


def _digest_of_size(sample: Sample, sizes: set[frozenset[int]]) -> bytes:
    """The digest of the pixels; empty for an image whose sides are not among `sizes`."""
    try:
        image = EncodedImage.open(sample.read(), MAX_MEGAPIXELS)
        return _digest(image.decode()) if frozenset(image.header.size) in sizes else b""
    except (OSError, RequestError):  # Of what can't be read or decoded, no copy is among images that can.
        return b""


def _digest(pixels: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).digest()
