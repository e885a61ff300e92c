"""`split.csv`: which image belongs to train, val or test; written once, so that nobody trains on what is tested."""

import csv
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np

from scripts import PYTHON
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.data.csv_text import csv_text
from scripts.pipeline.data.sample import PARTS, Part, Sample

SEED = 20191
SHARES: Mapping[Part, float] = {"train": 0.625, "val": 0.125, "test": 0.25}
# Where the data decides which images are its test part.
SHARES_BESIDE_TEST: Mapping[Part, float] = {"train": 5 / 6, "val": 1 / 6}
_ENOUGH_FOR_EVERY_PART = 4
_ENOUGH_FOR_A_STRATUM = 8  # The least of which an eighth is an image.


def divide(
    strata: Mapping[str, Hashable],
    seed: int,
    dealt: Mapping[str, Part] | None = None,
    shares: Mapping[Part, float] = SHARES,
) -> dict[str, Part]:
    """Image name to part, the images of each stratum divided by `shares` on their own.

    Where a stratum has four images or more, every part that has a share gets one.

    Args:
        strata: image name to anything that can be sorted and that all parts shall hold their share of.
        seed: of the shuffle within each stratum.
        dealt: images of `strata` that have a part already, and keep it; the others make up for what is missing.
        shares: of the parts.
    """
    dealt = dealt or {}
    members: dict[Hashable, list[str]] = defaultdict(list)
    for name, stratum in strata.items():
        members[stratum].append(name)
    generator = np.random.default_rng(seed)
    parts: dict[str, Part] = {}
    for stratum in sorted(members):  # type: ignore[type-var]
        names = generator.permutation([name for name in members[stratum] if name not in dealt]).tolist()
        here = Counter(dealt.get(name) for name in members[stratum])
        for part in ("test", "val"):
            wanted = _share(shares.get(part, 0), len(members[stratum])) - here[part]
            parts |= dict.fromkeys(names[: max(wanted, 0)], part)
            names = names[max(wanted, 0) :]
        parts |= dict.fromkeys(names, "train")
    return parts | {name: dealt[name] for name in strata if name in dealt}


def _share(share: float, images: int) -> int:
    enough = images >= _ENOUGH_FOR_EVERY_PART and share > 0
    return max(round(share * images), 1 if enough else 0)


def strata(every: Sequence[Sample]) -> dict[str, tuple[str, int]]:
    """Image name to what all parts shall hold their share of: the image's kind and the rank of its target.

    A stratum too small to be divided joins that of its most probable label, and then that of all kinds.
    """
    targets = {sample.target for sample in every}
    certain = {target: _certain(target) for target in targets}
    # Numbers instead of targets, which a thousand labels make long.
    ordered = sorted(targets | set(certain.values()), key=lambda target: target[::-1])
    ranks = {target: rank for rank, target in enumerate(ordered)}
    certain_ranks = [ranks[certain.get(target, target)] for target in ordered]
    found = {sample.name: (sample.group, ranks[sample.target]) for sample in every}
    for with_group in (True, False):
        sizes = Counter(found.values())
        for name, (group, rank) in found.items():
            if sizes[group, rank] < _ENOUGH_FOR_A_STRATUM:
                found[name] = (group if with_group else "", certain_ranks[rank])
    return found


def _certain(target: tuple[float, ...]) -> tuple[float, ...]:
    best = target.index(max(target))
    return tuple(float(index == best) for index in range(len(target)))


def write_split(parts: Mapping[str, Part], path: Path) -> None:
    """Write `file,part`, by file name."""
    replace_file(path, csv_text(("file", "part"), ((name, parts[name]) for name in sorted(parts))))


def read_split(path: Path) -> dict[str, Part]:
    """File name to part.

    Raises:
        UserError: the file is missing, has other columns or parts, or names a file twice.
    """
    if not path.is_file():
        # Its folder is the model's, also where another model's spec names it (`../elpv/split.csv`).
        command = f"{PYTHON} -m scripts.split_data --model {path.parent.name}"
        raise UserError(f"{path}: no such split; `{command}` makes it")
    parts: dict[str, Part] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if set(row) != {"file", "part"} or row["part"] not in PARTS:
                raise UserError(f"{path}: a row is `file,part` with part train, val or test, not {row}")
            if row["file"] in parts:
                raise UserError(f"{path}: {row['file']} is there twice; take one of its rows out")
            parts[row["file"]] = row["part"]
    return parts
