"""The `training` of a spec: how its checkpoint is made; scripts/pipeline/training/ carries it out."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from handler.strict import StrictModel

STRIDE = 32
"""Pixels between two points of the last map of torchvision's classifiers; a crop's side must be a multiple."""


class Augmentation(StrictModel):
    """How a training image may differ from what was photographed; torchvision's v2 transforms."""

    turns: Literal["none", "mirror", "dihedral"]
    """`mirror` flips left and right; `dihedral` flips and quarter-turns, for images without an up."""
    aspect: float = Field(ge=1)
    """A crop's sides may be stretched against each other up to this ratio."""
    brightness: float = Field(ge=0, lt=1)
    contrast: float = Field(ge=0, lt=1)
    saturation: float = Field(default=0, ge=0, lt=1)
    hue: float = Field(default=0, ge=0, le=0.5)


class LossWeights(StrictModel):
    """How much each lesson counts; the loss is their weighted sum."""

    labels: float = Field(ge=0)
    """Cross-entropy to the labels, soft ones where the data has them."""
    teacher: float = Field(default=0, ge=0)
    """Cross-entropy to the teacher's probabilities for the same crop."""
    maps: float = Field(default=0, ge=0)
    """Squared error of the student's guess at the teacher's feature maps."""


class Phase(StrictModel):
    """A number of epochs with a learning rate that warms up and falls along a cosine."""

    name: str
    epochs: PositiveInt
    batch: int = Field(ge=2)
    side: PositiveInt
    """Of the training crops, pixels."""
    scale: tuple[float, float]
    """Smallest and largest share of the image's area that a crop shows."""
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    trains: Literal["all", "head"] | NonNegativeInt = "all"
    """What learns: everything, the classifier alone, or that and the last so many blocks of the body."""
    batch_norm: Literal["learns", "frozen"] = "learns"
    """`frozen` keeps the statistics of pre-trained weights, which a small data set would spoil."""
    quantization_aware: bool = Field(default=False, exclude_if=lambda wanted: not wanted)
    """Compute with weights and activations rounded as int8 rounds them, so that the network learns to do with them."""
    loss: LossWeights

    @model_validator(mode="after")
    def _crops_fit(self) -> Self:
        if self.side % STRIDE or not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"`side` must be a multiple of {STRIDE}; `scale` two shares of 1, the smallest first")
        return self


class Training(StrictModel):
    """How the checkpoint is trained."""

    seed: int
    start: str
    """`random`, an entry of torchvision's weights (`IMAGENET1K_V1`), or a checkpoint from the repository's root."""
    keep: float = Field(default=1, gt=0, le=1, exclude_if=lambda keep: keep == 1)
    """Share of the multiply-adds that stay; less than 1 cuts channels of the weights to start from (pruning)."""
    side: PositiveInt
    """To which each image's centre square is scaled before crops are cut from it, pixels."""
    average: float = Field(ge=0, lt=1)
    """Decay per step of the running average of the weights; the average is what is kept."""
    label_smoothing: float = Field(default=0, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: each class weighs the same altogether, however rare it is."""
    augmentation: Augmentation
    teacher: str | None = None
    """A model of models/, trained on the same labels."""
    temperature: float = Field(default=1, gt=0)
    """That softens the teacher's probabilities and the student's (Hinton et al. 2015, arXiv:1503.02531)."""
    phases: tuple[Phase, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _teacher_is_named(self) -> Self:
        if self.teacher is None and any(phase.loss.teacher or phase.loss.maps for phase in self.phases):
            raise ValueError("a phase's loss uses a `teacher`, so name one")
        return self

    @model_validator(mode="after")
    def _prunes_what_is_trained(self) -> Self:
        if self.keep < 1 and self.start == "random":
            raise ValueError("`keep` cuts the channels that matter least, and of `start: random` nobody knows which")
        return self

    @model_validator(mode="after")
    def _statistics_are_learned(self) -> Self:
        if self.start != "random":
            return self
        for phase in self.phases:
            if phase.trains == "all" and phase.batch_norm == "learns":
                break  # From here on there are statistics to keep.
            if phase.trains == "all":
                raise ValueError(
                    f"`start: random` has no statistics that phase {phase.name!r} could keep by `batch_norm: frozen`; "
                    "set `batch_norm: learns` and `trains: all` in every phase, or start from trained weights"
                )
        return self
