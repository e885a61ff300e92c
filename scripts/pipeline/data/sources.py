"""From a spec to its samples."""

from collections.abc import Sequence
from pathlib import Path

from scripts import PYTHON
from scripts.errors import UserError
from scripts.pipeline.data import elpv, folder, named, table
from scripts.pipeline.data.listing import Listing
from scripts.pipeline.data.sample import Part, Sample
from scripts.pipeline.data.split import read_split
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Elpv, Folder, Labelled, Named, Table


def samples(spec: Spec, part: Part) -> list[Sample]:
    """The labelled images of one part, in the order of the data set.

    Raises:
        UserError: the data or the split is missing or does not fit the other.
    """
    every = every_sample(spec)
    parts = read_split(spec.split_path)
    missing = sorted(set(parts) - {sample.name for sample in every})
    if missing:
        raise UserError(
            f"{spec.split_path}: {missing[0]} is not in the data, or can't be read there ({len(missing)} such); "
            f"put it back, or forget it: `{PYTHON} -m scripts.split_data --model {spec.folder.name} --forget-missing`"
        )
    return [sample for sample in every if parts.get(sample.name) == part]


def every_sample(spec: Spec) -> list[Sample]:
    """All labelled images of the spec's data, in the order of the data set; whether they can be decoded is not known.

    Raises:
        UserError: the data is missing, or does not fit the spec's labels.
    """
    return list(listing(labelled_data(spec), spec.labels).samples)


def labelled_data(spec: Spec) -> Labelled:
    """The spec's `data`.

    Raises:
        UserError: it has no labels.
    """
    if isinstance(spec.data, Labelled):
        return spec.data
    raise UserError(f"{spec.folder / 'spec.yaml'}: `data`: {spec.data.source} has no labels")


def listing(data: Labelled, labels: Sequence[str]) -> Listing:
    """What the data names, before any image is opened.

    Args:
        data: the `data` of a spec.
        labels: of the same spec.

    Raises:
        UserError: the data is missing, or does not fit the labels.
    """
    match data:
        case Elpv():
            return Listing(tuple(cell.sample() for cell in elpv.cells()))
        case Folder():
            return folder.listing(Path(data.folder), labels)
        case Table():
            return table.listing(Path(data.table), labels)
        case Named():
            return named.listing(data.source, Path(data.folder), labels)


def labels_of(data: Labelled) -> tuple[str, ...]:
    """The labels that the data itself names.

    Raises:
        UserError: the data is missing, or names fewer than two.
    """
    match data:
        case Elpv():
            return elpv.LABELS
        case Folder():
            return folder.labels(Path(data.folder))
        case Table():
            return table.labels(Path(data.table))
        case Named():
            return named.labels(data.source, Path(data.folder))
