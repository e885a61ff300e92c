"""The handler's decoding and scaling beside the reference: Pillow, antialiased shorter side, centre crop."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.workload import photographs
from handler.decode import EncodedImage
from handler.engine import Engine
from handler.metadata import Preprocessing
from handler.preprocess import load
from scripts.pipeline.data import elpv

FORMATS = ("JPEG", "PNG", "WEBP")
SMALLEST, LARGEST = 32, (4000, 3000)
_ASPECTS = (1.0, 4 / 3, 3 / 4, 3 / 2)
_MAX_MEGAPIXELS = 25.0
_QUALITY = 90

Pipeline = Callable[[bytes, Preprocessing], NDArray[np.uint8]]


def handlers(encoded: bytes, to: Preprocessing) -> NDArray[np.uint8]:
    """Return uint8 [3, crop, crop] as the handler makes it."""
    return load(EncodedImage.open(encoded, _MAX_MEGAPIXELS), to)


def reference(encoded: bytes, to: Preprocessing) -> NDArray[np.uint8]:
    """Return uint8 [3, crop, crop] by the usual way: decode all, scale the shorter side, cut the centre."""
    image = Image.open(io.BytesIO(encoded)).convert("RGB")
    scale = to.resize / min(image.size)
    width, height = round(image.width * scale), round(image.height * scale)
    kernel = Image.Resampling.BICUBIC if to.interpolation == "bicubic" else Image.Resampling.BILINEAR
    left, top = (width - to.crop) // 2, (height - to.crop) // 2
    square = image.resize((width, height), kernel).crop((left, top, left + to.crop, top + to.crop))
    return np.asarray(square).transpose(2, 0, 1)


@dataclass(frozen=True)
class Agreement:
    """How near the handler's logits are to the reference's.

    Attributes:
        images: compared.
        same: of these, with the same most probable class.
        largest_difference: of any logit.
        worst: format and size of the image it was found in.
    """

    images: int
    same: int
    largest_difference: float
    worst: str


def agreement(engine: Engine, to: Preprocessing, images: Sequence[bytes] | Iterator[bytes]) -> Agreement:
    """Return how both pipelines' images are classified by one network."""
    count, same, largest, worst = 0, 0, 0.0, ""
    for encoded in images:
        pair = engine.logits(np.stack([handlers(encoded, to), reference(encoded, to)]))
        difference = float(np.abs(pair[0] - pair[1]).max())
        count += 1
        same += int(pair[0].argmax() == pair[1].argmax())
        if difference > largest:
            header = Image.open(io.BytesIO(encoded))
            largest, worst = difference, f"{header.format} {header.width}x{header.height}"
    return Agreement(count, same, largest, worst)


def mixed(count: int, seed: int = 20191) -> Iterator[bytes]:
    """Yield real images of mixed sizes, aspects and formats: solar cells, and every tenth a view of a photograph.

    Sizes are evenly spread on a logarithmic scale from 32 pixels to 4000x3000.
    """
    generator = np.random.default_rng(seed)
    cells, pictures = elpv.cells(), photographs()
    for number in range(count):
        shorter = np.exp(generator.uniform(np.log(SMALLEST), np.log(LARGEST[1])))
        aspect = _ASPECTS[generator.integers(len(_ASPECTS))]
        width, height = round(shorter * max(aspect, 1)), round(shorter * max(1 / aspect, 1))
        if number % 10 == 0:
            source = pictures[number // 10 % len(pictures)]
        else:
            source = Image.open(cells[generator.integers(len(cells))].path).convert("RGB")
        size = (min(width, LARGEST[0]), min(height, LARGEST[0]))
        yield encode(source.resize(size, Image.Resampling.BICUBIC), FORMATS[number % len(FORMATS)])


def encode(image: Image.Image, kind: str) -> bytes:
    """Return an image's file: JPEG and WebP at quality 90."""
    stream = io.BytesIO()
    image.save(stream, kind, **({"compress_level": 1} if kind == "PNG" else {"quality": _QUALITY}))
    return stream.getvalue()


@dataclass(frozen=True)
class Cost:
    """CPU of one image, ms, by both pipelines."""

    name: str
    handlers_ms: float
    reference_ms: float

    @property
    def ratio(self) -> float:
        """The handler's share of the reference's."""
        return self.handlers_ms / self.reference_ms


def cost(name: str, encoded: bytes, to: Preprocessing, rounds: int) -> Cost:
    """Return the median CPU of `rounds` interleaved runs of both pipelines."""
    spent: dict[Pipeline, list[float]] = {handlers: [], reference: []}
    for _ in range(rounds):
        for pipeline, times in spent.items():
            started = time.thread_time()
            pipeline(encoded, to)
            times.append(time.thread_time() - started)
    ours, theirs = (1e3 * median(times) for times in spent.values())
    return Cost(name, ours, theirs)


def floor(rounds: int) -> tuple[float, float]:
    """Return the CPU of decoding a 500x375 JPEG, ms: at an eighth of its size, and whole.

    The first computes a 64th of the pixels and reads every Huffman code: no decoder of whole images is much faster.
    """
    image = EncodedImage.open(encode(photographs()[0].resize((500, 375)), "JPEG"), _MAX_MEGAPIXELS)
    spent: dict[int | None, list[float]] = {1: [], None: []}
    for _ in range(rounds):
        for shorter_side, times in spent.items():
            started = time.thread_time()
            image.decode(shorter_side)
            times.append(time.thread_time() - started)
    eighth, whole = (1e3 * median(times) for times in spent.values())
    return eighth, whole


def costs(to: Preprocessing, rounds: int) -> list[Cost]:
    """Return the costs of a photograph in usual sizes and formats."""
    picture = photographs()[0]
    sizes = ((300, 300), (500, 375), (1920, 1440), LARGEST)
    return [
        cost(f"{kind} {width}x{height}", encode(picture.resize((width, height)), kind), to, rounds)
        for kind in FORMATS
        for width, height in sizes
    ]
