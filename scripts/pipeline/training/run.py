"""From a spec to a trainer at its start: images, weights to begin with, teacher."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from scripts.errors import UserError
from scripts.files import sha256
from scripts.pipeline import narrowing
from scripts.pipeline.data.sample import Part, Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.layers import by_label, load_body, require_side
from scripts.pipeline.network import build_network, read_header, read_weights
from scripts.pipeline.pretrained import imagenet_weights
from scripts.pipeline.pruning import NotPrunableError, pruned
from scripts.pipeline.spec import Spec
from scripts.pipeline.teachers import trained_teacher
from scripts.pipeline.training.distillation import STRIDES, Distillation
from scripts.pipeline.training.lesson import Lesson
from scripts.pipeline.training.packed import Track, pack
from scripts.pipeline.training.trainer import Images, Trainer
from scripts.pipeline.weights import digest, load_network


def training_images(spec: Spec, extra: Sequence[Sample], folder: Path, track: Callable[[Part], Track]) -> Images:
    """The train part and `extra`, as large as crops need them, and the val part, as it is served; kept in `folder`."""
    side = spec.recipe.side
    whole = spec.preprocessing.model_copy(update={"resize": side, "crop": side})
    return Images(
        train=pack([*samples(spec, "train"), *extra], whole, folder / "train.npy", track("train")),
        val=pack(samples(spec, "val"), spec.preprocessing, folder / "val.npy", track("val")),
    )


def trainer(spec: Spec, images: Images, folder: Path) -> Trainer:
    """A trainer that has done nothing yet; `folder` keeps its state.

    Raises:
        UserError: the weights to start from, or the teacher, are missing or do not fit, or the network takes no images
            of a side that the spec names.
    """
    training = spec.recipe
    torch.manual_seed(training.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = starting_network(spec)
    require_sides(network, spec)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    distillation = None
    if (teacher := trained_teacher(spec)) is not None:
        teaching = load_network(teacher, None)
        teaching = teaching.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        strides = STRIDES if any(phase.loss.maps for phase in training.phases) else ()
        distillation = Distillation(network, teaching, training.temperature, strides)
        distillation.translation.to(device)
    lesson = Lesson(network, training, images.train.targets, distillation)
    return Trainer(lesson, training, spec.preprocessing, folder / "state.pt", device)


def starting_network(spec: Spec) -> nn.Module:
    """A network with the weights that `start` names; random ones for labels that those do not know.

    Raises:
        UserError: the weights can't be had or do not fit.
    """
    network, start = build_network(spec.architecture, len(spec.labels)), spec.recipe.start
    if start == "random":
        return network
    path = Path(start)
    weights = read_weights(path) if path.suffix else imagenet_weights(spec.architecture, start)
    header = read_header(path) if path.suffix else {}
    if narrowing.MARK in header:
        narrowing.narrow(network, weights)
    if "labels" in header:
        # Two labels are not the same two, nor in the same order, because there are two.
        weights = by_label(network, weights, json.loads(header["labels"]), spec.labels)
    try:
        load_body(network, weights)
    except UserError as error:
        raise UserError(
            f"{spec.folder / 'spec.yaml'}: `training.start`: {start}: {error}; name weights of {spec.architecture}, "
            "or `random`"
        ) from error
    if spec.recipe.keep == 1:
        return network
    try:
        return pruned(network, spec.recipe.keep, spec.preprocessing.crop)
    except NotPrunableError as error:
        raise UserError(f"{spec.folder / 'spec.yaml'}: `training.keep`: {error}") from error


def require_sides(network: nn.Module, spec: Spec) -> None:
    """Raise UserError, with the key to change, where `network` takes no images of a side that it will be given.

    Args:
        network: left in training mode.
        spec: whose phases crop to a side each, and whose `preprocessing` crops the val images.
    """
    sides = [(phase.side, f"`side` of the phase {phase.name!r}") for phase in spec.recipe.phases]
    network.eval()
    for side, key in [*sides, (spec.preprocessing.crop, "`preprocessing.crop`")]:
        require_side(network, side, f"{key} in {spec.folder / 'spec.yaml'}")
    network.train()


def basis(spec: Spec, images: Images) -> str:
    """Digest of what a run depends on besides `spec.training`: images, labels, preprocessing, network, its weights."""
    teacher = trained_teacher(spec)
    taught_by = "" if teacher is None else digest(teacher, None)
    start = Path(spec.recipe.start)
    facts = [images.train.digest, images.val.digest, spec.labels, spec.architecture, taught_by]
    # Of torchvision's the name is enough, which is in `training`.
    facts += [sha256(start)] if start.suffix else []
    text = json.dumps([*facts, spec.preprocessing.model_dump(mode="json")], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
