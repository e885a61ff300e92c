"""One image and what is known of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Sample:
    """One labelled image.

    Attributes:
        name: its own within the data set, as in split.csv.
        target: probability of each label; all of it on one label where the experts agree.
        group: a kind of image whose accuracy is shown apart (elpv: mono or poly); empty where there is none.
        read: returns the encoded image, as a client would post it.
    """

    name: str
    target: tuple[float, ...]
    group: str
    read: Callable[[], bytes]

    @property
    def label(self) -> int:
        """Index of the most probable label; the first of several equals."""
        return self.target.index(max(self.target))
