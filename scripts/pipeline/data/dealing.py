"""Which images of a source are used, and for what."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import UserError
from scripts.pipeline.data.inspection import inspect
from scripts.pipeline.data.listing import LeftOut, by_reason
from scripts.pipeline.data.named import SIDES
from scripts.pipeline.data.sample import PARTS, Part, Sample
from scripts.pipeline.data.sources import listing
from scripts.pipeline.data.split import SHARES, SHARES_BESIDE_TEST, divide, strata
from scripts.pipeline.spec_data import Folder, Labelled, Named, Table

LEAST: Mapping[Part, int] = {"train": 2, "val": 1, "test": 1}
"""Images of every label, by part."""
LEAST_PER_LABEL = sum(LEAST.values())
_SHOWN = 5


@dataclass(frozen=True)
class Usable:
    """A source's images that can be used.

    Attributes:
        samples: in the order of the data set.
        left_out: the others, with the reason.
        parts: by image name, where the data itself decides.
        longest_side: of any image that was looked at, pixels; 0 where none was.
    """

    samples: tuple[Sample, ...]
    left_out: tuple[LeftOut, ...]
    parts: Mapping[str, Part]
    longest_side: int


def usable(
    data: Labelled, labels: Sequence[str], dealt: Mapping[str, Part], tick: Callable[[int, int], None]
) -> Usable:
    """Look at a source's images; those of elpv and torchvision are known to be whole.

    Args:
        data: the `data` of a spec.
        labels: of the same spec.
        dealt: images that have a part already, and are not judged again.
        tick: called with the number of images looked at and of all.

    Raises:
        UserError: the data is missing, or does not fit the labels.
    """
    found = listing(data, labels)
    if not isinstance(data, Folder | Table):
        side = SIDES[data.source] if isinstance(data, Named) else 0
        return Usable(found.samples, (), found.parts, side)
    looked = inspect(found.samples, tick, dealt.keys())
    kept = {sample.name for sample in looked.good}
    parts = {name: part for name, part in found.parts.items() if name in kept}
    return Usable(looked.good, found.left_out + looked.left_out, parts, looked.longest_side)


def require_enough(found: Usable, labels: Sequence[str], where: str, left_out: Path) -> None:
    """Raise UserError where there are too few images of a label to train on and to test.

    Args:
        found: what can be used.
        labels: of the data.
        where: the data, which begins the sentence.
        left_out: the list of what can't be used.
    """
    counts = Counter(sample.label for sample in found.samples)
    scarce = [(label, counts[index]) for index, label in enumerate(labels) if counts[index] < LEAST_PER_LABEL]
    if scarce:
        named = ", ".join(f"{label!r} has {count}" for label, count in scarce[:_SHOWN])
        more = f" and {len(scarce) - _SHOWN} more labels too few" if len(scarce) > _SHOWN else ""
        without = f" (left out, in {left_out}: {by_reason(found.left_out)})" if found.left_out else ""
        raise UserError(
            f"{where}: {named}{more} of {len(found.samples)} usable images{without}; every label needs "
            f"{LEAST_PER_LABEL}, so add images or take the label out"
        )


def deal(found: Usable, dealt: Mapping[str, Part], seed: int) -> dict[str, Part]:
    """Every image's part: what it has, what the data says, or by lot within its stratum.

    Args:
        found: what can be used.
        dealt: what has a part already.
        seed: of the lot.

    Raises:
        UserError: the data names another part than an image has, or leaves one of the parts empty.
    """
    for name, part in found.parts.items():
        if dealt.get(name, part) != part:
            raise UserError(
                f"{name} is {part} in the data but {dealt[name]} in the split, which never changes; "
                "put it back, or make a model with another name (MODEL=)"
            )
    if set(found.parts.values()) == {"test"}:
        others = [sample for sample in found.samples if sample.name not in found.parts]
        parts = divide(strata(others), seed, dealt, SHARES_BESIDE_TEST) | dict(found.parts)
    elif found.parts:
        parts = dict(found.parts)
    else:
        parts = divide(strata(found.samples), seed, dealt, SHARES)
    parts = {**parts, **dealt}
    if empty := [part for part in PARTS if part not in parts.values()]:
        raise UserError(f"no image is left for {empty[0]}; each of train, val and test needs some")
    return parts


def beside_test(found: Usable, dealt: Mapping[str, Part], seed: int) -> dict[str, Part]:
    """Every image's part: `test` where it is that already, the others dealt out anew to train and val.

    Args:
        found: what can be used.
        dealt: the parts so far.
        seed: of the lot.
    """
    test: dict[str, Part] = {name: part for name, part in dealt.items() if part == "test"}
    others = [sample for sample in found.samples if sample.name not in test]
    return test | divide(strata(others), seed, {}, SHARES_BESIDE_TEST)


def require_in_every_part(found: Usable, parts: Mapping[str, Part], labels: Sequence[str], where: str) -> None:
    """Raise UserError where a part has too few images of a label, as a table's column `part` may leave it.

    Args:
        found: what can be used.
        parts: of at least every image that can.
        labels: of the data.
        where: the data, which begins the sentence.
    """
    counts = Counter((sample.label, parts[sample.name]) for sample in found.samples)
    scarce = [
        f"{label!r} has {counts[index, part]} in {part} and needs {least}"
        for index, label in enumerate(labels)
        for part, least in LEAST.items()
        if counts[index, part] < least
    ]
    if not scarce:
        return
    if not found.parts:
        fix = "add images of the label or take it out"
    elif "val" in found.parts.values():
        fix = "give that part to more of the label's images in the column `part`, or take the label out"
    else:
        fix = "name more of the label's images so in the column `part` (of four that are not test, one becomes val)"
    more = f", and {len(scarce) - _SHOWN} more such" if len(scarce) > _SHOWN else ""
    raise UserError(f"{where}: of the usable images {', '.join(scarce[:_SHOWN])}{more}; {fix}")


def without_missing(dealt: Mapping[str, Part], found: Usable) -> dict[str, Part]:
    """What has a part and is still in the data."""
    there = {sample.name for sample in found.samples}
    return {name: part for name, part in dealt.items() if name in there}
