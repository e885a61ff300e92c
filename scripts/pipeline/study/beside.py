"""Two models of a study held against each other image by image, as the cells of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.pipeline.paired import Paired

Row = Mapping[str, Any]


def beside(row: Row, first: Row | None, part: str) -> str:
    """How much better a model's float32 is than another's, in points with their 95 % interval, and McNemar's p.

    Args:
        row: of `study.json`.
        first: of the other model; None where it is not measured.
        part: `val` or `test`.

    Returns:
        Empty beside itself or nothing, and where the part has other images than the other model's.
    """
    if first is None or row is first or row["images_sha256"][part] != first["images_sha256"][part]:
        return ""
    ours, theirs = row["wrong"][part], first["wrong"][part]
    differ = sum(ours.get(name) != theirs.get(name) for name in ours.keys() | theirs.keys())
    images = row["images"][part]
    lost, won = len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())
    paired = Paired(images, lost, won, images - differ)
    return gain(paired.drop, paired.drop_95, paired.mcnemar_p)


def gain(drop: float, drop_95: Sequence[float], mcnemar_p: float) -> str:
    """A drop of 1 and its interval as what was won, in points, and McNemar's p."""
    low, high = (-100 * bound for bound in reversed(drop_95))
    return f"{0 - 100 * drop:+.2f} ({low:+.2f} to {high:+.2f}), p {mcnemar_p:.2g}"
