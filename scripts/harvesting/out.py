"""The folder that a person labels: `unlabelled/`, a folder for each label, `about.csv`."""

import os
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import UserError
from scripts.files import sweep
from scripts.harvesting.about import FILE_NAME
from scripts.harvesting.kept import IMAGE
from scripts.pipeline.data.folder import UNLABELLED

# On the usual file systems.
_LONGEST_NAME_BYTES = 255


def prepare(out: Path, labels: Sequence[str], source: Path) -> list[str]:
    """Make the folder with its folders, and return the labels that no folder can be named after.

    Args:
        out: may be there already.
        labels: of the model.
        source: where workers keep images.

    Raises:
        UserError: it is a file, can't be written, or has the source in it, or the other way round.
    """
    real, kept = out.resolve(), source.resolve()
    if kept.is_relative_to(real) or real.is_relative_to(kept):
        raise UserError(f"{out}: workers keep their images in {source}; name a folder beside that one with OUT=.")
    try:
        for name in ("", UNLABELLED, *filter(_can_be_a_folder, labels)):
            (out / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        taken = "a file is in the way" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise UserError(f"{error.filename}: can't be a folder ({taken}); name another with OUT=.") from error
    sweep(out / FILE_NAME)
    for partial in (out / UNLABELLED).glob(".*.*.*"):  # Such as .<digest>.jpg.<process>, of a copy that was killed.
        sweep(partial.with_name(partial.name[1:].rpartition(".")[0]))
    return [label for label in labels if not _can_be_a_folder(label)]


def images(out: Path) -> set[str]:
    """Return the digests of the images that lie in any of its folders under the name that they were brought with."""
    return {Path(name).stem for _, _, names in os.walk(out) for name in names if IMAGE.fullmatch(name)}


def _can_be_a_folder(label: str) -> bool:
    # A folder whose name begins with a dot is hidden, and `make train` does not look into it.
    usual = bool(label) and not label.startswith(".") and not {"/", "\0"} & set(label)
    return usual and label not in (UNLABELLED, FILE_NAME) and len(label.encode()) <= _LONGEST_NAME_BYTES
