"""A folder of folders: `<label>/<image>`, at any depth below the label."""

import functools
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.errors import UserError
from scripts.pipeline.data.files import read_image
from scripts.pipeline.data.listing import LeftOut, Listing, one_hot
from scripts.pipeline.data.sample import Sample

UNLABELLED = "unlabelled"
"""A folder of images that nobody has labelled yet; no class, unless the spec has a label of that name."""
STILL_UNLABELLED, NO_LABEL = "still unlabelled", "no label of the spec"
_PART_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}


def labels(folder: Path) -> tuple[str, ...]:
    """The names of the class folders that hold a file, sorted.

    In Unicode's composed form (NFC): a macOS disk may spell `é` as two characters, and so would every answer.

    Raises:
        UserError: there are fewer than two, or they are parts of a data set and not its classes.
    """
    names, unread = _found(folder)
    found = sorted({_label(name) for name in names if "/" in name and _is_unicode(name)} - {UNLABELLED})
    if found and set(map(str.lower, found)) <= _PART_NAMES and any(name.lower().startswith("train") for name in found):
        raise UserError(
            f"{folder}: its folders are parts ({', '.join(found)}), not classes; name one of them, "
            "or a table with a column `part` (docs/training.md)"
        )
    if len(found) < 2:  # noqa: PLR2004
        holds = f"only the class folder {found[0]!r}" if found else "no folder with a file in it"
        below = f"; if the classes lie in there, name {folder / found[0]}" if found else ""
        below += f"; move images out of {UNLABELLED!r} into folders of their labels" * _waits(names)
        closed = f" ({unread[0].file}: {unread[0].sentence})" if unread else ""
        raise UserError(f"{folder}: holds {holds}{closed}, and a classifier needs two: <class>/<image>{below}")
    return tuple(found)


def listing(folder: Path, known: Sequence[str]) -> Listing:
    """Every file of a class folder, labelled by it; hidden files are not there at all.

    Args:
        folder: the data.
        known: the labels, in the spec's order.

    Raises:
        UserError: the folder is missing or may not be read.
    """
    targets = dict(zip((unicodedata.normalize("NFC", label) for label in known), one_hot(len(known)), strict=True))
    names, left_out = _found(folder)
    samples = []
    for name in names:
        if not _is_unicode(name):
            left_out.append(LeftOut(_shown(name), "a name that is not UTF-8", "rename it"))
        elif "/" not in name:
            left_out.append(LeftOut(name, "in no class folder"))
        elif (target := targets.get(_label(name))) is None:
            label = _label(name)
            left_out.append(
                LeftOut(name, STILL_UNLABELLED) if label == UNLABELLED else LeftOut(name, NO_LABEL, repr(label))
            )
        else:
            samples.append(Sample(name, target, "", functools.partial(read_image, folder / name)))
    return Listing(tuple(samples), tuple(left_out))


def _waits(names: Sequence[str]) -> bool:
    return any(name.startswith(f"{UNLABELLED}/") for name in names)


def _label(name: str) -> str:
    return unicodedata.normalize("NFC", name.split("/", maxsplit=1)[0])


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # Bytes that os.fsdecode could not read.
        return False
    return True


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _found(folder: Path) -> tuple[list[str], list[LeftOut]]:
    """Relative POSIX paths of all files, as the file system spells them, sorted; and what can't be looked into."""
    try:
        if not folder.is_dir():
            fix = "put the images back there, or name another in the spec's `data`"
            raise UserError(f"{folder}: no such folder; {fix}")
        found = list(_walk(folder, "", (os.path.realpath(folder),)))
    except OSError as error:
        raise UserError(f"{error.filename}: can't be read ({error.strerror}); allow it, or move it away") from error
    return sorted(one for one in found if isinstance(one, str)), [one for one in found if isinstance(one, LeftOut)]


def _walk(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[str | LeftOut]:
    """What is in `folder`; raises OSError where that can't be said of `folder` itself."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                yield from _below(entry, prefix, above)
            except OSError as error:  # A folder that may not be read, or a link to itself.
                yield LeftOut(_shown(prefix + entry.name), "can't be read", error.strerror or str(error))


def _below(entry: os.DirEntry[str], prefix: str, above: tuple[str, ...]) -> Iterator[str | LeftOut]:
    """Links to folders are followed, except to one that is being walked already."""
    if not entry.is_dir():
        yield prefix + entry.name
    elif (real := os.path.realpath(entry.path)) not in above:
        yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", (*above, real))
