"""The `training` that a spec begins with: of a new model, or of one that goes on from another."""

import math

from scripts.errors import UserError
from scripts.pipeline.pretrained import imagenet_weights
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.pipeline.spec_training import LossWeights, Training

IMAGENET = "IMAGENET1K_V1"
WITHOUT_NETWORK = MODELS / DEFAULT_MODEL / "checkpoint.safetensors"
"""Learned from solar cells: a poor beginning for photographs, but one that every clone has."""
_STEPS = 300
"""That a phase should have, within limits of epochs: a small data set is seen more often."""
_FINE_TUNING_STEPS = 400
_SHORT_AVERAGE = 0.98
_FINE_TUNING_RATE = 0.0003


def available_start(architecture: str) -> tuple[str, str]:
    """Weights to start from that can be had on this machine, and, where they are not the best ones, the reason.

    Raises:
        UserError: the architecture is unknown, or its ImageNet weights can't be had and nothing else fits it.
    """
    try:
        imagenet_weights(architecture, IMAGENET)
    except UserError as error:
        if architecture != Spec.load(MODELS / DEFAULT_MODEL).architecture:
            raise
        return WITHOUT_NETWORK.as_posix(), str(error)
    return IMAGENET, ""


def fine_tuning(spec: Spec, train_images: int) -> Training:
    """How a model goes on from the checkpoint of `spec`: all layers, at a low rate, by the labels alone.

    Args:
        spec: whose own recipe says how its images are kept, cut, turned and lit.
        train_images: of its train part.

    Raises:
        UserError: it has no recipe, or no checkpoint.
    """
    before = spec.recipe
    last = before.phases[-1]
    phase = {
        "name": "all",
        "epochs": epochs_of(_FINE_TUNING_STEPS, train_images, last.batch),
        "learning_rate": _FINE_TUNING_RATE,
        "trains": "all",
        "batch_norm": "frozen",
        "loss": LossWeights(labels=1),
        "quantization_aware": False,
    }
    return before.model_copy(
        update={
            "start": spec.checkpoint_path.as_posix(),
            # The checkpoint is pruned already.
            "keep": 1.0,
            "average": _SHORT_AVERAGE,
            "teacher": None,
            "temperature": 1.0,
            "phases": (last.model_copy(update=phase),),
        }
    )


def training_section(train_images: int, side: int, start: str, turns: str) -> str:
    """The `training:` section as YAML, with comments.

    Args:
        train_images: of the train part.
        side: of the images as the network gets them, pixels; a multiple of 32.
        start: weights to start from, as `training.start` names them.
        turns: of a training image, as `training.augmentation.turns` names them.
    """
    batch = min(32, max(4, train_images // 8))
    epochs = epochs_of(_STEPS, train_images, batch)
    # Over the last steps: fewer where a phase has few.
    average = _SHORT_AVERAGE if epochs * train_images < _STEPS * batch else 0.995
    usual = f"batch_norm: frozen, epochs: {epochs}, batch: {batch}, side: {side}"
    rest = "weight_decay: 0.02, loss: {labels: 1}"
    return f"""\
# How `make train` makes the checkpoint; docs/training.md says what every key means.
training:
  seed: 7
  # Also: `random`, another entry of torchvision's weights, or a checkpoint's path from the repository's root.
  # {IMAGENET} is the better one for photographs; it is fetched once.
  # With `random`, which has seen nothing yet, every phase needs `batch_norm: learns` and `trains: all`.
  start: {start}
  side: {side + side // 8}                        # of the images as they are kept; crops are cut from these
  average: {average}                   # of the weights, over the last steps
  label_smoothing: 0.1
  class_weights: none              # or balanced, when a rare class matters as much as a common one
  augmentation: {{turns: {turns}, aspect: 1.33, brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.02}}
  phases:
    - {{name: head, trains: head, scale: [0.5, 1], learning_rate: 0.003,
       {usual}, {rest}}}
    - {{name: last blocks, trains: 5, scale: [0.4, 1], learning_rate: 0.001,
       {usual}, {rest}}}
    - {{name: all, trains: all, scale: [0.4, 1], learning_rate: 0.0003,
       {usual}, {rest}}}
"""


def epochs_of(steps: int, train_images: int, batch: int) -> int:
    """Return how many epochs have about so many steps, 3 to 40 of them."""
    return min(40, max(3, math.ceil(steps * batch / train_images)))
