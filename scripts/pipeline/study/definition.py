"""`study.yaml`, which a person may put beside a spec: the models that stand in the card's tables of several models."""

from pathlib import Path

from pydantic import Field

from handler.strict import StrictModel, load
from scripts.errors import UserError
from scripts.pipeline import yaml_file

FILE_NAME = "study.yaml"


class Study(StrictModel):
    """Folders of models/, by the table that they stand in; a table without models is not shown."""

    seeds: tuple[str, ...] = ()
    """The same recipe with other random numbers, the model itself first."""
    splits: tuple[str, ...] = ()
    """The same recipe on other images of train and val, with the same test part, the model itself first."""
    parts: dict[str, str] = Field(default={})
    """By what differs: the recipe with one part less or more, at equal epochs; the whole one first."""
    sizes: tuple[str, ...] = ()
    """More and less arithmetic, the model itself first: these are timed, too."""

    @property
    def models(self) -> tuple[str, ...]:
        """Every model, once."""
        return tuple(dict.fromkeys((*self.seeds, *self.splits, *self.parts.values(), *self.sizes)))

    @classmethod
    def of(cls, folder: Path) -> "Study":
        """Read `folder/study.yaml`; no tables where there is none.

        Raises:
            UserError: one sentence that names the file, the key and a fix.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            return cls()
        try:
            return load(cls, yaml_file.read(path), str(path))
        except ValueError as error:
            raise UserError(str(error)) from error
