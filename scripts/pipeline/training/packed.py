"""Images decoded once, in one file that is mapped into memory: an epoch then costs no decoding."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

import handler.colours
import handler.decode
import handler.preprocess
from handler.metadata import Preprocessing
from scripts.errors import UserError
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.images import read

Track = Callable[[Sequence[Sample]], Iterable[Sample]]


@dataclass(frozen=True)
class Packed:
    """Images of one size and their labels.

    Attributes:
        images: uint8 [n, 3, side, side], RGB; the file's, so changing it changes nothing on disk.
        targets: float [n, labels]: probability of each label.
        digest: of both and of the images' names.
    """

    images: Tensor
    targets: Tensor
    digest: str

    @property
    def labels(self) -> Tensor:
        """Index of each image's most probable label, int64 [n]."""
        return self.targets.argmax(1)


def pack(samples: Sequence[Sample], to: Preprocessing, path: Path, track: Track) -> Packed:
    """Return `samples` scaled and cropped by the handler's own code, as `path` keeps them for the next time.

    Args:
        samples: at least one.
        to: the size wanted; mean and deviation are not applied.
        path: `.npy`, rewritten if it holds other images.
        track: shows progress over what it is given.
    """
    digest = _digest(samples, to)
    # Pixels that another version of the handler made are not those that this one serves.
    made = f"{digest} {_handlers_code()}"
    note = path.with_suffix(".sha256")
    if not (path.is_file() and note.is_file() and note.read_text(encoding="utf-8") == made):
        note.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open_memmap(path, "w+", np.uint8, (len(samples), to.crop, to.crop, 3))
        for index, sample in enumerate(track(samples)):
            # By pixels, the layout for which torchvision's transforms are fastest.
            file[index] = read(sample, to).transpose(1, 2, 0)
        file.flush()
        note.write_text(made, encoding="utf-8")
    images = torch.from_numpy(_kept(path)).permute(0, 3, 1, 2)
    return Packed(images, torch.tensor([sample.target for sample in samples], dtype=torch.float32), digest)


def _kept(path: Path) -> NDArray[np.uint8]:
    try:
        # Numbers alone: an array of objects is a pickle, which could run code, and is refused here.
        kept: NDArray[np.uint8] = open_memmap(path, "c")
    except (ValueError, EOFError) as error:
        raise UserError(f"{path}: not the pixels that were kept there ({error}); delete it, and begin again") from error
    return kept


# What makes pixels of files.
_CODE = (handler.colours, handler.decode, handler.preprocess)


def _handlers_code() -> str:
    files = (Path(module.__file__ or "") for module in _CODE)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _digest(samples: Sequence[Sample], to: Preprocessing) -> str:
    """Of the encoded images, their names and targets, and the size."""
    named = [(sample.name, sample.target) for sample in samples]
    digest = hashlib.sha256(json.dumps([to.model_dump(mode="json"), named]).encode())
    for sample in samples:
        digest.update(hashlib.sha256(sample.read()).digest())
    return digest.hexdigest()
