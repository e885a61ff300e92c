"""A model that goes on from another one: the same data, labels and gate, and a folder of images more to learn from."""

import os
import re
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline import provenance
from scripts.pipeline.data.extra import Extra
from scripts.pipeline.data.folder import STILL_UNLABELLED
from scripts.pipeline.data.listing import FILE_NAME, by_reason, first_few
from scripts.pipeline.data.sources import labelled_data
from scripts.pipeline.data.split import read_split
from scripts.pipeline.new_model import by_part, in_parts, locate, require_free_name
from scripts.pipeline.recipe import fine_tuning
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Folder
from scripts.pipeline.successor_spec import successor_text


def successor(folder: Path, data: str, origin: str) -> Spec:
    """The spec of a model that goes on from another; where it is not there yet, nothing is written.

    Args:
        folder: in models/; its name is the model's.
        data: a folder of labelled images.
        origin: name of the model to go on from.

    Raises:
        UserError: the model can't go on from that one with that data, or was made otherwise.
    """
    for name, key in ((folder.name, "MODEL"), (origin, "FROM")):
        if not re.fullmatch("[A-Za-z0-9_]+", name):
            raise UserError(f"{key}={name}: a model's name has only letters, digits and underscores")
    if origin == folder.name:
        raise UserError(f"FROM={origin}: a model can't go on from itself; choose another MODEL, such as {origin}_2")
    found = locate(data)
    if not isinstance(found, Folder):
        raise UserError(f"DATA={data}: with FROM={origin} it has to be a folder <label>/<image>")
    before = Spec.load(folder.parent / origin)
    if (folder / "spec.yaml").is_file():
        return _existing(Spec.load(folder), before, found.folder)
    require_free_name(folder)
    # It says so where it learned from what is tested now, or was not trained at all.
    provenance.learned(before, before.checkpoint_path)
    known = labelled_data(before)
    split = Path(os.path.relpath(before.split_path, folder)).as_posix()
    is_named = Path(found.folder).resolve() in {Path(name).resolve() for name in known.also}
    also = known.also if is_named else (*known.also, found.folder)
    return before.model_copy(
        update={
            "folder": folder,
            "name": folder.name,
            "checkpoint": "checkpoint.safetensors",
            "data": known.model_copy(update={"split": split, "also": also}),
            "training": fine_tuning(before, list(read_split(before.split_path).values()).count("train")),
        }
    )


def write(spec: Spec, origin: str, data: str) -> bool:
    """Write a successor's spec; whether it was not there yet."""
    path = spec.folder / "spec.yaml"
    if path.is_file():
        return False
    replace_file(path, successor_text(spec, origin, data))
    return True


def record(spec: Spec, found: Extra) -> dict[str, Any]:
    """What was made, for a program: `labels`, `images` of each part, `left_out` (files)."""
    images = by_part(read_split(spec.split_path).values())
    return {"labels": spec.labels, "images": images, "left_out": len(found.left_out)}


def summary(spec: Spec, found: Extra) -> str:
    """What a training learns from besides the train part, for a person."""
    lines = [
        f"{name}: {sum(images.values())} images to learn from ({_counted(images)})"
        for name, images in ((one["folder"], one["images"]) for one in found.record(spec.labels))
    ]
    if found.left_out:
        shown = [one for one in found.left_out if one.reason != STILL_UNLABELLED]
        lines += [f"left out, in {spec.folder / FILE_NAME}: {by_reason(found.left_out)}", *first_few(shown)]
    parts = in_parts(read_split(spec.split_path).values())
    return "\n".join([f"{spec.folder / 'spec.yaml'}: {parts} (those of {spec.split_path})", *lines])


def _counted(images: dict[str, int]) -> str:
    return ", ".join(f"{count} {label}" for label, count in images.items() if count)


def _existing(spec: Spec, before: Spec, data: str) -> Spec:
    also = {Path(name).resolve() for name in labelled_data(spec).also}
    starts = spec.training is not None and Path(spec.training.start).resolve() == before.checkpoint_path.resolve()
    if not starts or Path(data).resolve() not in also or spec.split_path.resolve() != before.split_path.resolve():
        raise UserError(
            f"{spec.folder / 'spec.yaml'} was not made by DATA={data} FROM={before.folder.name}; choose another name "
            f"for a new model (MODEL=), or delete {spec.folder} to begin anew"
        )
    return spec
