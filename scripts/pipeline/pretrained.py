"""torchvision's ImageNet weights, with the labels and the preprocessing that belong to them."""

import contextlib
import hashlib
import pickle
import re
import socket
import sys
from collections import OrderedDict
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from handler.metadata import Preprocessing
from scripts.errors import UserError
from scripts.pipeline.network import build_network, require_known, torchvision_models

NETWORK_TIMEOUT_S = 10.0
# torchvision ends each file's name with the first digits of its SHA-256 (torch.hub.HASH_REGEX).
_DIGEST_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.pth$")
# DenseNet's file is older than its module names.
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
# GoogLeNet's and Inception's second heads, which `build_network` leaves out.
_SECOND_HEADS = ("aux1.", "aux2.", "AuxLogits.")


def imagenet_weights(architecture: str, entry: str = "DEFAULT") -> dict[str, Tensor]:
    """ImageNet weights of torchvision: the state dict of `build_network(architecture, 1000)`, float32.

    They are fetched once and kept where torch keeps its downloads ($TORCH_HOME/hub/checkpoints).

    Args:
        architecture: torchvision's name of the network.
        entry: of its weights, e.g. `IMAGENET1K_V1`.

    Raises:
        UserError: architecture or entry is unknown; the file can't be fetched, with its address and the place where a
            file fetched elsewhere belongs; or it is not the file that torchvision published, or not of weights alone.
    """
    weights = _entry(architecture, entry)
    path = _cached(weights)
    if not path.is_file():
        _fetch(weights, path)
    _check_digest(path)
    try:
        # Only tensors are read: a pickled file could run code.
        found = weights.get_state_dict(progress=False, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UserError(f"{path}: holds something else than weights, which is not read") from error
    renamed: Any = OrderedDict(
        (_OLD_NAME.sub(r"\1\2.", name), value) for name, value in found.items() if not name.startswith(_SECOND_HEADS)
    )
    renamed._metadata = getattr(found, "_metadata", OrderedDict())
    network = build_network(architecture, len(imagenet_labels(architecture)))
    try:
        network.load_state_dict(renamed)
    except RuntimeError as error:
        # vit_h_14: its default weights are for images of 518 pixels, and its position embedding has one size.
        detail = str(error).splitlines()[-1].strip()
        raise UserError(f"{path}: not weights of {architecture} as it is built here ({detail})") from error
    return dict(network.state_dict())


def imagenet_labels(architecture: str) -> tuple[str, ...]:
    """The 1,000 names of the classes, by index. "crane" and "maillot" occur twice: ImageNet has two of each."""
    return tuple(_entry(architecture).meta["categories"])


def imagenet_preprocessing(architecture: str) -> Preprocessing:
    """How images were prepared when torchvision measured the accuracy of these weights."""
    transforms = _entry(architecture).transforms()
    return Preprocessing(
        resize=transforms.resize_size[0],
        crop=transforms.crop_size[0],
        interpolation=transforms.interpolation.value,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )


def _entry(architecture: str, entry: str = "DEFAULT") -> Any:
    """Return torchvision's record of the weights (a member of its `WeightsEnum`)."""
    require_known(architecture)
    known = torchvision_models().get_model_weights(architecture)
    if entry not in known.__members__:
        raise UserError(f"weights {entry!r} of {architecture}: there are only {', '.join(known.__members__)}")
    return known[entry]


def _cached(weights: Any) -> Path:
    """Return where torch keeps the file of these weights."""
    name: str = weights.url.rsplit("/", 1)[-1]
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def _fetch(weights: Any, path: Path) -> None:
    try:
        # torch.hub says on stdout what it downloads; there, only the answer of a command belongs.
        with _network_timeout(NETWORK_TIMEOUT_S), contextlib.redirect_stdout(sys.stderr):
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(
                weights.url, str(path), hash_prefix=_published_digest(path), progress=sys.stderr.isatty()
            )
    # A download that was cut off is a RuntimeError of torch.hub: its digest differs.
    except (OSError, HTTPException, RuntimeError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"the ImageNet weights can't be fetched ({reason}): download {weights.url} and put it at {path}"
        ) from error


def _check_digest(path: Path) -> None:
    """Hold a file, also one that was there before, against the digest in its name: torch.hub trusts its cache."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    expected = _published_digest(path)
    if not digest.startswith(expected):
        raise UserError(
            f"{path}: not the file that torchvision published, whose SHA-256 begins with {expected} "
            f"(this one's with {digest[: len(expected)]}); delete it, and it is fetched again"
        )


def _published_digest(path: Path) -> str:
    found = _DIGEST_IN_NAME.search(path.name)
    if found is None:
        raise UserError(f"{path.name}: torchvision's name for these weights holds no digest to check them against")
    return found[1]


@contextlib.contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """Give every connection that is opened inside a time limit; torch.hub has no parameter for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
