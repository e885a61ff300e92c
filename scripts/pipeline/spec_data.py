"""The `data` of a spec: where a model's images lie, and which of them belong to train, val and test."""

from typing import Annotated, Literal

from pydantic import Field

from handler.strict import StrictModel


class _WithLabels(StrictModel):
    """What all sources of labelled images have."""

    split: str
    """File in the model's folder: columns `file,part`, part being train, val or test."""
    also: tuple[str, ...] = ()
    """Folders `<label>/<image>` of further images, which are only learned from; absolute, or from the repository's
    root."""


class Elpv(_WithLabels):
    """The solar cells of the elpv-dataset package."""

    source: Literal["elpv"]


class Folder(_WithLabels):
    """A folder of folders: `<label>/<image>`."""

    source: Literal["folder"]
    folder: str
    """Absolute, or from the repository's root."""


class Table(_WithLabels):
    """A CSV file: a column `path`, and either `label` or a probability under the name of each label."""

    source: Literal["table"]
    table: str
    """Absolute, or from the repository's root; its relative paths are from its own folder."""


class Named(_WithLabels):
    """A data set that torchvision fetches; its own test part is our test part."""

    source: Literal["cifar10", "mnist"]
    folder: str
    """Where torchvision keeps it; absolute, or from the repository's root."""


class Unlabelled(StrictModel):
    """Images without labels: enough to calibrate, and to see whether float32 and int8 agree."""

    source: Literal["unlabelled"]
    folder: str
    """Absolute, or from the model's folder."""


Labelled = Elpv | Folder | Table | Named
Data = Annotated[Labelled | Unlabelled, Field(discriminator="source")]
