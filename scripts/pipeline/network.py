"""The network and its weights on disk."""

import functools
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from scripts.errors import UserError
from scripts.files import replace_file

ARCHITECTURES = ("mobilenet_v3_small", "mobilenet_v3_large")
# torchvision's MobileNetV3 averages batch statistics over some hundred steps (0.01): longer than a small data set's
# first epochs last, so that in evaluation it predicts one class while its loss falls.
BATCH_NORM_MOMENTUM = 0.1


def build_network(architecture: str, classes: int) -> nn.Module:
    """A torchvision MobileNetV3 with random weights: float [n, 3, height, width], normalised -> logits [n, classes].

    Raises:
        UserError: the architecture is not one of ARCHITECTURES.
    """
    if architecture not in ARCHITECTURES:
        raise UserError(f"architecture {architecture!r} is unknown; it is one of {', '.join(ARCHITECTURES)}")
    network: nn.Module = getattr(torchvision_models(), architecture)(num_classes=classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = BATCH_NORM_MOMENTUM
    return network


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
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; name another, or train it with `make train`")
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path}: not a whole safetensors file ({error}); fetch or train it again") from error
    try:
        network.load_state_dict({name: _single(value) for name, value in weights.items()})
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise UserError(f"{path}: not a checkpoint of the spec's architecture and labels ({detail})") from error
    return network.eval()


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


def _single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
