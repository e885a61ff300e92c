"""From the words of `make train` to a model that can be trained, and to what it learns from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.pipeline.data.extra import Extra, extra, require_some
from scripts.pipeline.data.listing import write_left_out
from scripts.pipeline.new_model import create
from scripts.pipeline.spec import Spec
from scripts.pipeline.successor import record, successor, summary, write


@dataclass(frozen=True)
class Prepared:
    """A model that can be trained.

    Attributes:
        spec: as it lies in its folder.
        extra: what it learns from besides its train part.
        created: what was made, for a program; None of a model that was there before.
        summary: what to tell the person, some lines; empty where nothing was looked at.
    """

    spec: Spec
    extra: Extra
    created: dict[str, Any] | None
    summary: str


def prepare(folder: Path, data: str, origin: str, tick: Callable[[int, int], None]) -> Prepared:
    """Read a model's spec, or make it, and look at what it learns from besides its train part.

    Args:
        folder: in models/; its name is the model's.
        data: as DATA= has it; empty for a model that is there.
        origin: name of the model to go on from; empty for none.
        tick: called with the number of images looked at and of all.

    Raises:
        UserError: the words don't fit each other, the model or the data.
    """
    if origin and not data:
        raise UserError(f"FROM={origin} needs the images to go on with: DATA=<folder>, which has <label>/<image>")
    created, said = None, []
    if origin:
        spec = successor(folder, data, origin)
    elif data:
        made = create(folder, data, tick)
        spec, said = made.spec, [made.summary()]
        created = made.record() if made.is_new else None
    else:
        spec = Spec.load(folder)
    found = extra(spec, tick)
    if found.by_folder:
        write_left_out(found.left_out, folder, within=found.by_folder)
        require_some(found, spec)
        said.append(summary(spec, found))
    # Last: a folder with a spec is a whole model.
    if origin and write(spec, origin, data):
        created = record(spec, found)
    return Prepared(spec, found, created, "\n".join(said))
