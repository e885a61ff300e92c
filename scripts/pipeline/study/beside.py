"""Two models of a study held against each other image by image, as the cells of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.pipeline.card.text import code, percent
from scripts.pipeline.paired import Paired

Row = Mapping[str, Any]


def beside(row: Row, first: Row, part: str) -> str:
    """How much better a model's float32 is than another's, in points with their 95 % interval, and McNemar's p.

    Args:
        row: of `study.json`.
        first: of the other model, whose part has the same images.
        part: `val` or `test`.
    """
    ours, theirs = row["wrong"][part], first["wrong"][part]
    differ = sum(ours.get(name) != theirs.get(name) for name in ours.keys() | theirs.keys())
    images = row["images"][part]
    lost, won = len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())
    paired = Paired(images, lost, won, images - differ)
    return _gain(paired.drop, paired.drop_95, paired.mcnemar_p)


def sizes_beside(row: Row, first: Row, graph: str, name: str) -> tuple[str, str]:
    """A graph beside another, with that one's name, and how often both give the same label.

    Args:
        row: of `study.json`.
        first: of the first model, whose float32 other models' is held against; an int8 graph is held against the
            same model's float32.
        graph: as in `measured`.
        name: of the first model.
    """
    if (paired := row["measured"][graph].get("paired")) is None:
        return (f"{beside(row, first, 'test')}; {code(name)}" if row is not first else ""), ""
    return f"{_gain(paired['drop'], paired['drop_95'], paired['mcnemar_p'])}; float32", percent(paired["agreement"])


def _gain(drop: float, drop_95: Sequence[float], mcnemar_p: float) -> str:
    low, high = (-100 * bound for bound in reversed(drop_95))
    return f"{0 - 100 * drop:+.2f} ({low:+.2f} to {high:+.2f}), p {mcnemar_p:.2g}"
