"""A model made from anybody's images: `models/<name>/` with its spec and its split."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import PYTHON
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.data import elpv
from scripts.pipeline.data.dealing import deal, require_enough, require_in_every_part, usable
from scripts.pipeline.data.listing import FILE_NAME, LeftOut, by_reason, first_few, read_left_out, write_left_out
from scripts.pipeline.data.named import NAMES
from scripts.pipeline.data.sample import PARTS, Part
from scripts.pipeline.data.sources import every_sample, labels_of
from scripts.pipeline.data.split import SEED, read_split, write_split
from scripts.pipeline.network import read_header
from scripts.pipeline.new_spec import ARCHITECTURE, Facts, spec_text
from scripts.pipeline.quantize import MIN_CALIBRATION_IMAGES
from scripts.pipeline.recipe import IMAGENET, available_start
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Elpv, Folder, Labelled, Named, Table

NAMED_FOLDER = "runs/data"
"""Where torchvision keeps what it fetches; ignored by git."""
_SPLIT = "split.csv"


@dataclass(frozen=True)
class Created:
    """A model that can be trained.

    Attributes:
        spec: as it lies in its folder.
        is_new: whether it was made just now.
        images: number in each part, as a phrase.
        is_too_small_for_int8: whether it is new, and int8 would have too few images to take its ranges from.
        second_best: why training starts from other weights than ImageNet's, where the model is new and does.
        left_out: files that nothing is learned from, where the model is new.
        undealt: files of the data that were added since it was made, and have no part yet.
    """

    spec: Spec
    is_new: bool
    images: str
    is_too_small_for_int8: bool = False
    second_best: str = ""
    left_out: tuple[LeftOut, ...] = ()
    undealt: int = 0

    def summary(self) -> str:
        """What to tell the person: a few lines."""
        folder = self.spec.folder
        lines = [f"{folder / 'spec.yaml'}: {len(self.spec.labels)} labels; {self.images}"]
        if self.left_out:
            lines += [f"left out, in {folder / FILE_NAME}: {by_reason(self.left_out)}", *first_few(self.left_out)]
        if self.is_too_small_for_int8:
            lines += [f"enough for float32 only: int8 needs {MIN_CALIBRATION_IMAGES} train images"]
        if self.second_best:
            start = self.spec.recipe.start
            lines += [
                f"training starts from {start}, a poor beginning for photographs, since {self.second_best}; then set "
                f"`start: {IMAGENET}` in the spec and train with RESTART=1",
                f"licence: {self.spec.license}",
            ]
        if self.undealt:
            command = f"{PYTHON} -m scripts.split_data --model {self.spec.split_path.parent.name}"
            lines += [f"{self.undealt} files were added to the data and are not used yet; deal them out: `{command}`"]
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """What was made, for a program: `labels`, `images` of each part, `left_out` (files)."""
        parts = read_split(self.spec.split_path).values()
        return {"labels": self.spec.labels, "images": by_part(parts), "left_out": len(self.left_out)}


def create(folder: Path, data: str, tick: Callable[[int, int], None], architecture: str = ARCHITECTURE) -> Created:
    """Make `folder` a model of `data`; where it is one already, change nothing.

    Args:
        folder: in models/; its name is the model's.
        data: a folder, a CSV table, `cifar10`, `mnist` or `elpv`.
        tick: called with the number of images looked at and of all.
        architecture: torchvision's name of a new model's network.

    Raises:
        UserError: the data can't be used, or the model has other data, or another model is served under its name; or
            there are no weights to start the architecture from.
    """
    if not re.fullmatch("[A-Za-z0-9_]+", folder.name):
        raise UserError(f"MODEL={folder.name!r}: a model's name has only letters, digits and underscores")
    source = locate(data)
    if (folder / "spec.yaml").is_file():
        return _existing(Spec.load(folder), source, data)
    require_free_name(folder)
    start, second_best = available_start(architecture)
    labels = labels_of(source)
    found = usable(source, labels, {}, tick)
    if isinstance(source, Folder | Table):
        write_left_out(found.left_out, folder)
    require_enough(found, labels, f"DATA={data}", folder / FILE_NAME)
    parts = deal(found, {}, SEED)
    require_in_every_part(found, parts, labels, f"DATA={data}")
    start_license = read_header(Path(start)).get("license", "") if second_best else ""
    # The cells are known to be whole, so none was looked at.
    longest_side = elpv.SIDE if isinstance(source, Elpv) else found.longest_side
    facts = Facts(folder.name, source, labels, parts, longest_side, start, start_license, architecture)
    write_split(parts, folder / _SPLIT)
    # Last: a folder with a spec is a whole model.
    replace_file(folder / "spec.yaml", spec_text(facts))
    is_too_small = by_part(parts.values())["train"] < MIN_CALIBRATION_IMAGES
    return Created(Spec.load(folder), True, in_parts(parts.values()), is_too_small, second_best, found.left_out)


def locate(data: str) -> Labelled:
    """What the words after DATA= mean; a path that exists comes before a name.

    Raises:
        UserError: neither.
    """
    path = _expanded(data)
    if path.is_dir():
        return Folder(source="folder", folder=path.as_posix(), split=_SPLIT)
    if path.suffix.lower() == ".csv" and path.is_file():
        return Table(source="table", table=path.as_posix(), split=_SPLIT)
    if path.exists():
        raise UserError(f"DATA={data}: neither a folder nor a .csv table; unpack an archive first (docs/training.md)")
    for name in NAMES:
        if data == name:
            return Named(source=name, folder=NAMED_FOLDER, split=_SPLIT)
    if data == "elpv":
        return Elpv(source="elpv", split=_SPLIT)
    raise UserError(
        f"DATA={data}: no such folder or table, and none of the names {', '.join(NAMES)}, elpv; put your images there, "
        "each in the folder of its label, or name where they are (docs/training.md)"
    )


def by_part(parts: Iterable[Part]) -> dict[Part, int]:
    """How many images each part has."""
    counts = Counter(parts)
    return {part: counts[part] for part in PARTS}


def in_parts(parts: Iterable[Part]) -> str:
    """Such as `10 train, 2 val, 4 test`."""
    return ", ".join(f"{count} {part}" for part, count in by_part(parts).items())


def require_free_name(folder: Path) -> None:
    """Raise UserError where another model is served under the name of `folder`: the archives are named after it."""
    for path in sorted(folder.parent.glob("*/spec.yaml")):
        if Spec.load(path.parent).name == folder.name:
            raise UserError(
                f"MODEL={folder.name}: {path.parent} is served under that name already (`name` of its spec.yaml), and "
                "each would overwrite the other's archives; choose another MODEL"
            )


def _expanded(data: str) -> Path:
    """The path that `data` may be, without `~`; it need not exist.

    Raises:
        UserError: nobody can tell whether it exists.
    """
    try:
        path = Path(data).expanduser()
        path.exists()  # Raises OSError for a name that is too long and for a folder above that may not be entered.
    except RuntimeError as error:  # pathlib's, of a user without a home.
        raise UserError(f"DATA={data}: {data.partition('/')[0]} is nobody's home; write the path out") from error
    except OSError as error:
        raise UserError(f"DATA={data}: can't be looked at ({error.strerror}); name another folder or table") from error
    return path


def _existing(spec: Spec, source: Labelled, data: str) -> Created:
    if isinstance(source, Folder) and isinstance(spec.data, Labelled) and source.folder in spec.data.also:
        raise UserError(
            f"DATA={data}: {spec.folder / 'spec.yaml'} names it in `also`; `make train MODEL={spec.folder.name}` takes "
            "up what is in there now"
        )
    if not isinstance(spec.data, type(source)) or _identity(spec.data) != _identity(source):
        raise UserError(
            f"{spec.folder / 'spec.yaml'} has other data than DATA={data}; edit its `data`, "
            f"choose another name for a new model (MODEL=), or delete {spec.folder} to begin anew"
        )
    parts = read_split(spec.split_path)
    known = parts.keys() | read_left_out(spec.split_path.parent)
    undealt = sum(sample.name not in known for sample in every_sample(spec))
    return Created(spec, False, in_parts(parts.values()), undealt=undealt)


def _identity(source: Labelled) -> tuple[str, Path | None]:
    match source:
        case Folder():
            return source.source, Path(source.folder).resolve()
        case Table():
            return source.source, Path(source.table).resolve()
        case Named() | Elpv():
            return source.source, None
