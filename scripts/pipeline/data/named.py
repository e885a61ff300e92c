"""CIFAR-10 and MNIST, fetched and checked by torchvision; their own test part is our test part."""

import functools
import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from scripts.errors import UserError
from scripts.pipeline.data.listing import Listing, one_hot
from scripts.pipeline.data.sample import Part, Sample
from scripts.pipeline.network import torchvision_models

Name = Literal["cifar10", "mnist"]
NAMES: tuple[Name, ...] = ("cifar10", "mnist")
SIDES: dict[Name, int] = {"cifar10": 32, "mnist": 28}
_CLASSES = {"cifar10": "CIFAR10", "mnist": "MNIST"}
_PARTS: tuple[Literal["train", "test"], ...] = ("train", "test")


def labels(name: Name, folder: Path) -> tuple[str, ...]:
    """The classes in torchvision's order; of MNIST's `7 - seven` the digit.

    Raises:
        UserError: the data is not there and can't be fetched.
    """
    return tuple(label.split(" - ")[0] for label in _fetch(name, folder, "train").classes)


def listing(name: Name, folder: Path, known: Sequence[str]) -> Listing:
    """Every image as PNG, named `train/00000` or `test/00000` by its place.

    Raises:
        UserError: the data is not there and can't be fetched, or has a class that is not among `known`.
    """
    targets = dict(zip(known, one_hot(len(known)), strict=True))
    theirs = labels(name, folder)
    if missing := next((label for label in theirs if label not in targets), None):
        raise UserError(f"{name}: its class {missing!r} is not among the spec's `labels`; add it")
    samples = []
    for part in _PARTS:
        for index, label in enumerate(_fetch(name, folder, part).targets):
            read = functools.partial(_png, name, folder, part, index)
            samples.append(Sample(f"{part}/{index:05}", targets[theirs[int(label)]], "", read))
    test: dict[str, Part] = {sample.name: "test" for sample in samples if sample.name.startswith("test/")}
    return Listing(tuple(samples), parts=test)


def _png(name: Name, folder: Path, part: Literal["train", "test"], index: int) -> bytes:
    image, _ = _fetch(name, folder, part)[index]
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


@functools.cache
def _fetch(name: Name, folder: Path, part: Literal["train", "test"]) -> Any:
    """Torchvision's data set, downloaded where it is not there yet."""
    torchvision_models()  # Makes `import torchvision` work beside a CPU-only torch.
    dataset = getattr(importlib.import_module("torchvision.datasets"), _CLASSES[name])
    try:
        return dataset(folder, train=part == "train", download=True)
    except (RuntimeError, OSError) as error:  # torchvision's own; of the network and the disk.
        raise UserError(f"{name}: not in {folder}, and fetching it failed; {_by_hand(dataset, folder)}") from error


def _by_hand(dataset: Any, folder: Path) -> str:
    if hasattr(dataset, "tgz_md5"):
        return f"put {dataset.filename} from {dataset.url} into {folder}"
    files = ", ".join(file for file, _ in dataset.resources)
    return f"put {files} from {dataset.mirrors[0]} into {folder / 'MNIST' / 'raw'}"
