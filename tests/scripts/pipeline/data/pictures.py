"""Small real images, and folders of them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 24, height: int = 20) -> Image.Image:
    """Noise, so that no two seeds look alike."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(seed: int, format_: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    picture(seed).convert(mode).save(buffer, format_)
    return buffer.getvalue()


def fill(folder: Path, classes: dict[str, int], start: int = 0) -> Path:
    """`folder` with so many different images of each class: `<class>/<number>.png`."""
    seed = start
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / name / f"{number + start}.png").write_bytes(encoded(seed))
            seed += 1
    return folder


def nothing(_done: int, _of: int) -> None:
    """A progress callback that nobody watches."""
