"""What a model is: `models/<name>/spec.yaml`, read strictly."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from handler.metadata import Preprocessing
from handler.strict import StrictModel, load
from scripts.errors import UserError

MODELS = Path("models")
Fraction = Field(ge=0, le=1)


class Data(StrictModel):
    """Which images the model learns from."""

    source: Literal["elpv"]
    """A data set that a module of `scripts/pipeline/` knows."""
    split: str
    """File in the model's folder: columns `file,part`, part being train, val or test."""


class Calibration(StrictModel):
    """For the ranges of int8."""

    images: PositiveInt
    """How many, from the train part."""


class Gate(StrictModel):
    """What a version must reach on the test part before it is archived; fractions of 1."""

    min_accuracy: float = Fraction
    max_drop: float = Fraction
    """In accuracy, from float32 to int8."""
    min_agreement: float = Fraction
    """Of images for which float32 and int8 give the same label."""


class LossWeights(StrictModel):
    """How much each lesson counts; scripts/pipeline/student.py adds them up."""

    maps: float = Field(ge=0)
    """The teacher's feature maps."""
    labels: float = Field(ge=0)
    """The defect probability."""
    teacher: float = Fraction
    """How far the teacher's opinion replaces the experts' in that probability."""


class Phase(StrictModel):
    """A number of epochs with a learning rate that warms up and falls along a cosine."""

    name: str
    epochs: PositiveInt
    schedule: PositiveInt
    """Epochs after which the learning rate would be zero; a phase may end before, at the running average."""
    batch: int = Field(ge=2)
    side: PositiveInt
    """Of the training crops, pixels; a multiple of 32."""
    resize: tuple[PositiveInt, PositiveInt]
    """Smallest and largest side to which a cell is resized before the crop, pixels."""
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    loss: LossWeights

    @model_validator(mode="after")
    def _ends_within_its_schedule(self) -> Self:
        if self.epochs > self.schedule:
            raise ValueError("`epochs` must be at most `schedule`")
        return self

    @model_validator(mode="after")
    def _crops_fit(self) -> Self:
        if self.side % 32 or not self.side <= self.resize[0] <= self.resize[1]:
            raise ValueError("`side` must be a multiple of 32 and at most `resize`, smallest first")
        return self


class Training(StrictModel):
    """How the checkpoint is trained; scripts/pipeline/training.py carries it out."""

    seed: int
    average: float = Field(ge=0, lt=1)
    """Decay per step of the running average of the weights; the average is what is kept."""
    phases: tuple[Phase, ...] = Field(min_length=1)


class Spec(StrictModel):
    """A model's spec and the folder it lies in."""

    name: str = Field(pattern="^[A-Za-z0-9_]+$")
    """Under which it is served."""
    description: str
    architecture: str
    checkpoint: str
    labels: tuple[str, ...] = Field(min_length=2)
    license: str
    """Of the weights."""
    data: Data
    preprocessing: Preprocessing
    training: Training
    calibration: Calibration
    gate: Gate
    folder: Path = Field(exclude=True)

    @classmethod
    def load(cls, folder: Path) -> "Spec":
        """Read `folder/spec.yaml`.

        Raises:
            UserError: one sentence that names the file, the key and a fix.
        """
        path = folder / "spec.yaml"
        if not path.is_file():
            known = ", ".join(sorted(other.parent.name for other in MODELS.glob("*/spec.yaml"))) or "none"
            raise UserError(f"{path}: no such spec; the models here are: {known}")
        try:
            mapping = YAML(typ="safe").load(path)
        except YAMLError as error:
            raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
        if not isinstance(mapping, dict) or "folder" in mapping:
            raise UserError(f"{path}: must hold keys and values, and no key `folder`")
        try:
            return load(cls, {**mapping, "folder": folder}, str(path))
        except ValueError as error:
            raise UserError(str(error)) from error

    @property
    def checkpoint_path(self) -> Path:
        """Of the committed weights."""
        return self.folder / self.checkpoint

    @property
    def split_path(self) -> Path:
        """Of the committed division into train, val and test."""
        return self.folder / self.data.split
