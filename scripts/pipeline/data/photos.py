"""The files of a model whose images have no labels; apart from their pixels, for which torch would be imported."""

from pathlib import Path

from scripts.errors import UserError
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MIN_PHOTOS = 8


def photos(spec: Spec) -> tuple[Path, ...]:
    """The image files of the spec's folder, sorted by name.

    Raises:
        UserError: the folder is missing, or holds too few.
    """
    assert isinstance(spec.data, Unlabelled), "asked only for what it is"
    folder = spec.folder / spec.data.folder
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if len(found) < MIN_PHOTOS:
        raise UserError(f"{folder}: holds {len(found)} photos; put at least {MIN_PHOTOS} there, the more the better")
    return tuple(found)
