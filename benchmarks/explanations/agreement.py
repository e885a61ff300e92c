"""Whether another graph points at the same places: Spearman's rank correlation of two maps of one image."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr


@dataclass(frozen=True)
class Agreement:
    """Rank correlations, of the images in which both maps are above 0 somewhere.

    Attributes:
        images: so many.
        blank: in so many a map is 0 everywhere, and has no ranks.
        mean: of the correlations.
        median: of them.
        worst: their fifth percentile.
    """

    images: int
    blank: int
    mean: float
    median: float
    worst: float

    @classmethod
    def of(cls, maps: NDArray[np.float32], others: NDArray[np.float32]) -> Self:
        """Return the agreement of maps [images, rows, columns] with others of the same images."""
        pairs = [(one.ravel(), other.ravel()) for one, other in zip(maps, others, strict=True)]
        found = [float(spearmanr(one, other).statistic) for one, other in pairs if one.any() and other.any()]
        return cls(
            len(found),
            len(pairs) - len(found),
            float(np.mean(found)),
            float(np.median(found)),
            float(np.percentile(found, 5)),
        )
