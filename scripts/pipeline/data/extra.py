"""What a model learns from besides its data's train part: the folders that `also` of its spec names.

None of these images may be one of the data in disguise, or the test part would be learned from under another name.
"""

import dataclasses
import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.pipeline.data import folder as folder_of_folders
from scripts.pipeline.data.folder import NO_LABEL, STILL_UNLABELLED, UNLABELLED
from scripts.pipeline.data.inspection import inspect
from scripts.pipeline.data.listing import FILE_NAME, LeftOut, Listing, by_reason
from scripts.pipeline.data.pixels import known_pixels
from scripts.pipeline.data.sample import Part, Sample
from scripts.pipeline.data.sources import listing
from scripts.pipeline.data.split import read_split
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled

_ABOUT = "about.csv"
"""In which `make harvest` says where its images are from."""


@dataclass(frozen=True)
class Extra:
    """Images that are only learned from; each is named by its path.

    Attributes:
        by_folder: those of each folder, as the spec names it.
        left_out: what else lies there, with the reason.
    """

    by_folder: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()

    @property
    def samples(self) -> list[Sample]:
        """Those of all folders."""
        return [sample for samples in self.by_folder.values() for sample in samples]

    def record(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        """For each folder `folder`, `images` by label, and `sha256`: over the labels and digests of its images."""
        return [
            {"folder": name, "images": _by_label(samples, labels), "sha256": _digest(samples, labels)}
            for name, samples in self.by_folder.items()
        ]


def extra(spec: Spec, tick: Callable[[int, int], None]) -> Extra:
    """Look at the folders of a spec's `also`, and at its data for images of theirs; nothing where it names none.

    Raises:
        UserError: a folder is missing or has no labelled image, or a folder in it is named after no label.
    """
    data = spec.data
    if isinstance(data, Unlabelled) or not data.also:
        return Extra()
    # First, since looking takes its time.
    listed = {name: _listing(name, spec) for name in dict.fromkeys(data.also)}
    looked = inspect([sample for found in listed.values() for sample in found.samples], tick)
    parts = read_split(spec.split_path)
    known = [_with_part(sample, parts.get(sample.name)) for sample in listing(data, spec.labels).samples]
    repeated = known_pixels(looked.good, known, tick)
    good = [sample for sample in looked.good if sample.name not in repeated]
    names = {name: {sample.name for sample in found.samples} for name, found in listed.items()}
    beside = [one for found in listed.values() for one in found.left_out]
    return Extra(
        {name: tuple(sample for sample in good if sample.name in names[name]) for name in listed},
        (*beside, *looked.left_out, *repeated.values()),
    )


def require_some(found: Extra, spec: Spec) -> None:
    """Raise UserError where nothing can be learned from a folder, though it has labelled images.

    Args:
        found: in the folders of `spec`.
        spec: whose folder lists what is left out.
    """
    for name, samples in found.by_folder.items():
        if not samples:
            here = [one for one in found.left_out if one.file.startswith(f"{name}/")]
            raise UserError(
                f"{name}: nothing new to learn from (left out, in {spec.folder / FILE_NAME}: {by_reason(here)}); put "
                "other images into its folders"
            )


def _listing(name: str, spec: Spec) -> Listing:
    """What a folder holds, each image named by its path."""
    found = folder_of_folders.listing(Path(name), spec.labels)
    _require_labels(found, name, spec)
    left_out = [one for one in found.left_out if one.file != _ABOUT]
    return Listing(
        tuple(dataclasses.replace(sample, name=f"{name}/{sample.name}") for sample in found.samples),
        tuple(dataclasses.replace(one, file=f"{name}/{one.file}") for one in left_out),
    )


def _require_labels(found: Listing, name: str, spec: Spec) -> None:
    labels = ", ".join(map(repr, spec.labels))
    for one in found.left_out:
        if one.reason == NO_LABEL:
            wrong = one.file.split("/", 1)[0]
            near = difflib.get_close_matches(wrong, spec.labels, n=1)
            hint = f"did you mean {near[0]!r}? Rename it" if near else f"they are {labels}; rename it to one of them"
            raise UserError(
                f"{name}/{wrong}: no label of {spec.folder.name}: {hint}, or move its images to {name}/{UNLABELLED}"
            )
    if not found.samples:
        waiting = sum(one.reason == STILL_UNLABELLED for one in found.left_out)
        there = f"; {waiting} are still in {name}/{UNLABELLED}" if waiting else ""
        raise UserError(
            f"{name}: no labelled image{there}; move images to the folder of their label, {name}/<label>/<image> "
            f"(labels: {labels}), and give the command again"
        )


def _with_part(sample: Sample, part: Part | None) -> Sample:
    """Named so that whoever reads why an image is left out also sees the part of the one that it equals."""
    return dataclasses.replace(sample, name=f"{sample.name} ({part or 'in no part'})")


def _by_label(samples: Sequence[Sample], labels: Sequence[str]) -> dict[str, int]:
    counts = Counter(sample.label for sample in samples)
    return {label: counts[index] for index, label in enumerate(labels)}


def _digest(samples: Sequence[Sample], labels: Sequence[str]) -> str:
    """Whatever the files are called."""
    named = sorted((labels[sample.label], hashlib.sha256(sample.read()).hexdigest()) for sample in samples)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()
