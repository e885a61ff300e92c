"""Insertion and deletion (Petsiuk, Das and Saenko 2018, RISE, arXiv:1806.07421): what the answer hangs on.

Deletion takes the pixels out in the order of a map, the largest first; insertion puts them into a blurred image. After
each step the network is asked again for the probability of the class that it named first. The smaller the area under
the curve of a deletion, and the larger that of an insertion, the more the map shows what the answer hangs on.

In the paper, what is deleted becomes the image's mean, and what is not yet inserted is blurred. To a network that looks
for defects both are defects. Here they may be the pixels of a sound cell instead.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from handler.engine import Engine
from handler.responses import softmax

STEPS = 16
_BLUR_RADIUS = 10
_SEED = 0

Maps = NDArray[np.float32]


def orders(maps: Maps) -> dict[str, Maps]:
    """Return what is compared, [images, rows, columns] each: the maps, chance as coarse as they are, and a blob."""
    rows, columns = maps.shape[1:]
    down, across = np.mgrid[:rows, :columns]
    distance = np.hypot(down - (rows - 1) / 2, across - (columns - 1) / 2)
    return {
        "map": maps,
        "random": np.random.default_rng(_SEED).random(maps.shape, np.float32),
        "centre": np.broadcast_to((distance.max() - distance).astype(np.float32), maps.shape),
    }


def areas(
    engine: Engine, images: NDArray[np.uint8], sound: NDArray[np.uint8] | None, maps: Mapping[str, Maps]
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return the area under each image's curve, [images], by `deletion` or `insertion` and by what gave the order.

    Args:
        engine: asked, and of whose first answers the probability is followed.
        images: uint8 [images, 3, side, side].
        sound: of the same shape, what is there instead; None: what the paper takes.
        maps: float32 [images, rows, columns], by name.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for number, image in enumerate(images):
        index = int(engine.logits(image[np.newaxis])[0].argmax())
        for way, (before, after) in _ways(image, None if sound is None else sound[number]).items():
            for name, all_maps in maps.items():
                curve = _curve(engine, before, after, all_maps[number], index)
                found.setdefault((way, name), []).append(float(np.trapezoid(curve, dx=1 / STEPS)))
    return {key: np.array(values) for key, values in found.items()}


def _ways(
    image: NDArray[np.uint8], sound: NDArray[np.uint8] | None
) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Return what each way begins and ends with."""
    if sound is not None:
        return {"deletion": (image, sound), "insertion": (sound, image)}
    mean = np.broadcast_to(image.mean(axis=(1, 2), keepdims=True), image.shape).astype(np.uint8)
    picture = Image.fromarray(image.transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(_BLUR_RADIUS))
    return {"deletion": (image, mean), "insertion": (np.asarray(picture).transpose(2, 0, 1), image)}


def _curve(
    engine: Engine, before: NDArray[np.uint8], after: NDArray[np.uint8], weights: NDArray[np.float32], index: int
) -> NDArray[np.float64]:
    """Return the probability of the class `index` after 0 to `STEPS` steps from `before` to `after`."""
    side = before.shape[1]
    scaled = np.asarray(Image.fromarray(weights).resize((side, side), Image.Resampling.BILINEAR))
    # The place of each pixel in the order, 0 to side x side - 1.
    place = np.empty(side * side, np.intp)
    place[np.argsort(-scaled.ravel(), kind="stable")] = np.arange(side * side)
    place = place.reshape(side, side)
    stages = [np.where(place < side * side * step // STEPS, after, before) for step in range(STEPS + 1)]
    probabilities: NDArray[np.float64] = softmax(engine.logits(np.stack(stages)))[:, index]
    return probabilities
