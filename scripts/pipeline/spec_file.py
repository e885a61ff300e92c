"""A spec.yaml as keys and values; one that is `like` another model says only what differs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.pipeline import yaml_file

FILE_NAME = "spec.yaml"
_OF_ITS_OWN = "name"
"""Archives are named after it, so that no two models may have the same."""


def read(folder: Path, *likenesses: str) -> dict[str, Any]:
    """Return what `folder/spec.yaml` says, on top of what the model says that it is `like`.

    Args:
        folder: in models/.
        likenesses: of these it is asked for, as they are like it.

    Raises:
        UserError: a file is missing, is no YAML mapping, or `like` names a model that it can't be like.
    """
    mapping = _own(folder)
    if "like" not in mapping:
        return mapping
    like = mapping.pop("like")
    path = folder / FILE_NAME
    if not isinstance(like, str) or like in {"", folder.name, *likenesses} or Path(like).name != like:
        raise UserError(f"{path}: `like: {like}`: name another model of {folder.parent}, which is not like this one")
    if _OF_ITS_OWN not in mapping:
        raise UserError(f"{path}: `name` is missing; a model that is `like` another needs one of its own")
    base = read(folder.parent / like, folder.name, *likenesses)
    split = base["data"].get("split") if isinstance(base.get("data"), dict) else None
    if isinstance(split, str):
        moved = Path(os.path.relpath(folder.parent / like / split, folder)).as_posix()
        base["data"] = base["data"] | {"split": moved}
    return _overlaid(base, mapping)


def _own(folder: Path) -> dict[str, Any]:
    """Return what the file itself says; labels that it names a text file for are read."""
    path = folder / FILE_NAME
    if not path.is_file():
        known = ", ".join(sorted(other.parent.name for other in folder.parent.glob(f"*/{FILE_NAME}"))) or "none"
        raise UserError(
            f"{path}: no such spec; the models here are: {known}; `make train MODEL={folder.name} DATA=<folder>` "
            "makes one of your images"
        )
    mapping = yaml_file.read(path)
    if "folder" in mapping:
        raise UserError(f"{path}: must hold keys and values, and no key `folder`")
    return mapping | _labels(mapping, folder)


def _overlaid(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes`; keys inside keys are laid over each other, lists are replaced."""
    return dict(base) | {
        key: _overlaid(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in changes.items()
    }


def _labels(mapping: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the labels of the file that `labels` names; nothing where it names none."""
    name = mapping.get("labels")
    if not isinstance(name, str):
        return {}
    try:
        # With or without the mark that Windows' editors begin a file with.
        lines = (folder / name).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{folder / name}: not UTF-8; save the labels as text in UTF-8") from error
    except OSError as error:
        raise UserError(f"{folder / name}: {error.strerror}; `labels` of spec.yaml names it") from error
    return {"labels": tuple(line for line in lines if line.strip())}
