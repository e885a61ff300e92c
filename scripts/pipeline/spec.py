"""What a model is: `models/<name>/spec.yaml`, read strictly."""

import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Self

from pydantic import Field, PositiveInt, model_validator

from handler.metadata import Preprocessing
from handler.strict import StrictModel, load
from scripts.errors import UserError
from scripts.pipeline import spec_file
from scripts.pipeline.spec_agreement import AgreementGate
from scripts.pipeline.spec_data import Data, Unlabelled
from scripts.pipeline.spec_gate import Gate
from scripts.pipeline.spec_training import Training

MODELS = Path("models")
DEFAULT_MODEL = "elpv"


class Calibration(StrictModel):
    """For the ranges of int8."""

    images: PositiveInt
    """How many, from the train part."""


class Spec(StrictModel):
    """A model's spec and the folder it lies in."""

    name: str = Field(pattern="^[A-Za-z0-9_]+$")
    """Under which it is served."""
    description: str
    architecture: str
    checkpoint: str | None = None
    """A safetensors file in the folder."""
    weights: str | None = None
    """An entry of torchvision's weights of this architecture, e.g. `IMAGENET1K_V1`, instead of a checkpoint."""
    labels: tuple[str, ...] = Field(min_length=2)
    """By class index; the file may name a text file in the folder instead, one label a line."""
    license: str
    """Of the weights."""
    data: Data
    preprocessing: Preprocessing
    training: Training | None = None
    """None for weights that somebody else trained."""
    calibration: Calibration
    gate: Gate | None = None
    """On labelled images, which it therefore needs."""
    agreement_gate: AgreementGate = AgreementGate()
    """Instead of `gate`, for images without labels."""
    folder: Path = Field(exclude=True)

    @model_validator(mode="after")
    def _has_weights(self) -> Self:
        if (self.checkpoint is None) == (self.weights is None):
            raise ValueError("give either `checkpoint`, a file, or `weights`, torchvision's")
        return self

    @model_validator(mode="after")
    def _has_the_gate_of_its_data(self) -> Self:
        if not isinstance(self.data, Unlabelled):
            if self.gate is None:
                raise ValueError("`gate` is missing; add it")
            if "agreement_gate" in self.model_fields_set:
                raise ValueError("`agreement_gate` is for images without labels; these have `gate`")
        elif self.gate is not None:
            raise ValueError("`gate` needs labels; images without them have `agreement_gate`")
        return self

    @model_validator(mode="after")
    def _names_each_label_once(self) -> Self:
        # Somebody else's list may have a name twice, as ImageNet's own has "crane"; without labelled images nothing is
        # looked up by it.
        counts = Counter(unicodedata.normalize("NFC", label) for label in self.labels)
        twice = next((label for label, count in counts.items() if count > 1), None)
        if twice is not None and not isinstance(self.data, Unlabelled):
            raise ValueError(f"`labels` has {twice!r} twice, and images are labelled by name; rename one of them")
        return self

    @classmethod
    def load(cls, folder: Path) -> "Spec":
        """Read `folder/spec.yaml`.

        Raises:
            UserError: one sentence that names the file, the key and a fix.
        """
        try:
            return load(cls, {**spec_file.read(folder), "folder": folder}, str(folder / spec_file.FILE_NAME))
        except ValueError as error:
            raise UserError(str(error)) from error

    @property
    def checkpoint_path(self) -> Path:
        """Of the committed weights.

        Raises:
            UserError: the weights are torchvision's.
        """
        if self.checkpoint is None:
            raise UserError(f"{self.folder / 'spec.yaml'}: the weights are torchvision's, so there is no checkpoint")
        return self.folder / self.checkpoint

    @property
    def recipe(self) -> Training:
        """How the checkpoint is trained.

        Raises:
            UserError: the spec does not say.
        """
        if self.training is None:
            raise UserError(f"{self.folder / 'spec.yaml'}: `training` is missing, so this model can't be trained here")
        return self.training

    @property
    def split_path(self) -> Path:
        """Of the committed division into train, val and test."""
        if isinstance(self.data, Unlabelled):
            raise UserError(f"{self.folder / 'spec.yaml'}: `data`: images without labels have no train or test part")
        # Where another model's is named (`../elpv/split.csv`), this one's folder need not be there yet.
        return Path(os.path.normpath(self.folder / self.data.split))
