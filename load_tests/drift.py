"""What a model meets when the world changes: images of its own train part as another camera would show them.

Of the train part: who learns from them learns nothing of the gate's test images. They are the same bytes every time, by
which their labels are known; so, in a person's place, `python -m load_tests.drift harvest` moves what `make harvest`
brought into the folders of their labels.
"""

import functools
import hashlib
import io
import os
import zlib
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageFilter

from load_tests.files import IMAGES, spread
from scripts import cli
from scripts.errors import UserError
from scripts.pipeline.data.folder import UNLABELLED
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.images import decode
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.serving.places import REPOSITORY

# Softer, darker and noisier.
_BLUR_PIXELS, _GAMMA, _GAIN, _NOISE = 1.2, 1.6, 0.9, 0.03


def by_other_camera(sample: Sample) -> Sample:
    """Return an image as that camera shows it; the same image gives the same bytes."""
    return Sample(Path(sample.name).name, sample.target, sample.group, functools.partial(_photograph, sample))


def _photograph(sample: Sample) -> bytes:
    blurred = Image.fromarray(decode(sample)).filter(ImageFilter.GaussianBlur(_BLUR_PIXELS))
    light = (np.asarray(blurred, np.float32) / 255) ** _GAMMA * _GAIN
    noise = np.random.default_rng(zlib.crc32(sample.name.encode())).normal(0, _NOISE, light.shape[:2])
    pixels = (255 * (light + noise[..., np.newaxis])).clip(0, 255).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


@cache
def images(model: Path) -> dict[bytes, str]:
    """Return encoded images, each with its label, of the train part of the model in this folder.

    Raises:
        UserError: its data has no labels.
    """
    spec = Spec.load(model)
    chosen = [by_other_camera(sample) for sample in spread(samples(spec, "train"), IMAGES)]
    return {sample.read(): spec.labels[sample.label] for sample in chosen}


def main(
    folder: Annotated[Path, typer.Argument(help="That `make harvest` filled.")],
    model: Annotated[str, typer.Option(envvar="MODEL", help="Folder in models/.")] = DEFAULT_MODEL,
) -> None:
    """Move each unlabelled image of this load into the folder of its label."""
    if not (folder / UNLABELLED).is_dir():
        raise UserError(f"{folder / UNLABELLED}: there is no such folder; `make harvest` makes it.")
    known = {hashlib.sha256(body).hexdigest(): label for body, label in images(REPOSITORY / MODELS / model).items()}
    found = sorted((folder / UNLABELLED).iterdir())
    for path in (path for path in found if path.stem in known):
        (folder / known[path.stem]).mkdir(exist_ok=True)
        os.rename(path, folder / known[path.stem] / path.name)
    moved = sum(path.stem in known for path in found)
    print(f"{moved} of {len(found)} images moved into the folders of their labels; the others are not of this load")


if __name__ == "__main__":
    cli.run(main)
