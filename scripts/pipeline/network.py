"""The network and its weights on disk."""

import difflib
import functools
import importlib
import importlib.util
import textwrap
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline import narrowing

# torchvision's MobileNetV3 averages batch statistics over some hundred steps (0.01): longer than a small data set's
# first epochs last, so that in evaluation it predicts one class while its loss falls.
BATCH_NORM_MOMENTUM = 0.1
# Their ImageNet weights expect colours scaled as for TensorFlow, which the network does itself when told to. Their
# second heads help very deep training only, and answer with something else than logits there.
_DETAIL = 160
_INCEPTION = {"transform_input": True, "aux_logits": False, "init_weights": True}
_OPTIONS: dict[str, dict[str, Any]] = {"googlenet": _INCEPTION, "inception_v3": _INCEPTION}


def build_network(architecture: str, classes: int) -> nn.Module:
    """A torchvision classifier with random weights: float [n, 3, height, width], normalised -> logits [n, classes].

    Raises:
        UserError: torchvision has no classifier of this name; with the nearest name.
    """
    require_known(architecture)
    build = getattr(torchvision_models(), architecture)
    network: nn.Module = build(num_classes=classes, **_OPTIONS.get(architecture, {}))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = BATCH_NORM_MOMENTUM
    return network


def require_known(architecture: str) -> None:
    """Raise UserError, with the nearest name, unless torchvision has a classifier of this name."""
    models = torchvision_models()
    known = models.list_models(module=models)
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "torchvision.models lists them, mobilenet_v3_small among them"
        raise UserError(f"architecture {architecture!r} is none of torchvision's classifiers; {hint}")


def save_checkpoint(weights: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write weights as safetensors; floating-point values in half precision. The old file stays until the new is whole.

    Args:
        weights: a state dict.
        path: of the checkpoint.
        metadata: kept in the file's header, e.g. the licence.
    """
    halves = {
        name: value.detach().cpu().to(torch.float16 if value.is_floating_point() else value.dtype).contiguous()
        for name, value in weights.items()
    }
    replace_file(path, save(halves, metadata))


def load_checkpoint(path: Path, network: nn.Module) -> nn.Module:
    """Put a checkpoint's weights into `network`, as float32, and return it in evaluation mode.

    Raises:
        UserError: the file is missing, is no safetensors file, or belongs to another network.
    """
    weights = read_weights(path)
    if narrowing.MARK in read_header(path):
        narrowing.narrow(network, weights)
    try:
        fill(network, weights)
    except RuntimeError as error:
        raise UserError(f"{path}: not a checkpoint of the spec's architecture and labels ({brief(error)})") from error
    return network.eval()


def read_header(path: Path) -> dict[str, str]:
    """Return what `save_checkpoint` was told to keep in a checkpoint's header; empty for files of other makers.

    Raises:
        UserError: the file is missing or is no safetensors file.
    """
    require_file(path)
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise _damaged(path, error) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return a checkpoint's weights, floating-point values as float32.

    Raises:
        UserError: the file is missing or is no safetensors file.
    """
    require_file(path)
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise _damaged(path, error) from error
    return {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}


def fill(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put `weights`, all that `network` has and no others, into it.

    Raises:
        RuntimeError: a tensor is missing, unknown or of another shape.
    """
    named: Any = OrderedDict(weights)
    # The version of each module's format, which a file of tensors does not keep and MNASNet does not load without.
    named._metadata = getattr(network.state_dict(), "_metadata")  # noqa: B009
    network.load_state_dict(named)


def brief(error: RuntimeError) -> str:
    """Return what `fill` stumbled on, without the hundreds of other tensors that do not fit either."""
    return textwrap.shorten(str(error).splitlines()[-1].strip(), _DETAIL, placeholder=" …")


@functools.cache
def torchvision_models() -> ModuleType:
    """`torchvision.models`, also where torchvision was built for another torch.

    The wheel on PyPI is built for CUDA: beside a CPU-only torch its operators do not load, and its import fails on
    the two whose shapes it declares. Their schemas are enough, since models and transforms call neither.
    """
    if not _operators_load():
        _declare_operators()
    return importlib.import_module("torchvision.models")


def _operators_load() -> bool:
    package = importlib.util.find_spec("torchvision")
    if package is None or not package.submodule_search_locations:
        raise UserError("torchvision is not installed; `make setup` installs it")
    try:
        for library in Path(package.submodule_search_locations[0]).glob("_C.*"):
            torch.ops.load_library(library)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True


@functools.cache
def _declare_operators() -> torch.library.Library:
    """Declare nms and qnms; the declaration lasts as long as the object returned, hence the cache."""
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


def require_file(path: Path) -> None:
    """Raise UserError, with the command that makes it, where a checkpoint is missing."""
    if not path.is_file():
        of_a_model = f" MODEL={path.parent.name}" if (path.parent / "spec.yaml").is_file() else ""
        raise UserError(f"{path}: no such checkpoint; name another, or train it with `make train{of_a_model}`")


def _damaged(path: Path, error: SafetensorError) -> UserError:
    with path.open("rb") as file:
        # A zip, or a pickle of protocol 2 and up.
        by_torch = file.read(2) in (b"PK", b"\x80\x02")
    if by_torch:
        return UserError(f"{path}: written by torch.save; make a safetensors file of it (docs/weights.md)")
    return UserError(f"{path}: not a whole safetensors file ({error}); fetch or train it again")
