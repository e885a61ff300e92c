"""Two models on the same images: is one worse, and by how much at most?"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest

from scripts.pipeline.proportion import Z_95, Proportion


@dataclass(frozen=True)
class Paired:
    """A model held against a reference, image by image.

    Attributes:
        images: compared.
        lost: that only the reference classifies rightly.
        won: that only this model classifies rightly.
        same: that both give the same label, right or wrong.
    """

    images: int
    lost: int
    won: int
    same: int

    @classmethod
    def of(cls, reference: NDArray[np.intp], model: NDArray[np.intp], true: NDArray[np.int64]) -> "Paired":
        """Return the comparison of two classifications of the same images, each [images], at least one."""
        before, after = reference == true, model == true
        counts = ((before & ~after).sum(), (~before & after).sum(), (reference == model).sum())
        return cls(len(true), *(int(count) for count in counts))

    @property
    def drop(self) -> float:
        """Accuracy of the reference minus the model's, of 1."""
        return (self.lost - self.won) / self.images

    @property
    def drop_95(self) -> tuple[float, float]:
        """95 % interval of the drop: Tango's score interval (Tango 1998).

        https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B. It has a width where the
        two never disagree, too: of 20 images without a difference it says that up to 16 % might be lost.
        """
        return -_highest(self.images, self.won, self.lost), _highest(self.images, self.lost, self.won)

    @property
    def mcnemar_p(self) -> float:
        """Two-sided p-value of McNemar's exact test: are `lost` and `won` the halves of a fair coin's throws?

        McNemar 1947, https://doi.org/10.1007/BF02295996, with the binomial instead of the chi-squared distribution.
        """
        discordant = self.lost + self.won
        return float(binomtest(self.lost, discordant, 0.5).pvalue) if discordant else 1.0

    @property
    def agreement(self) -> Proportion:
        """Share of images with the same label."""
        return Proportion(self.same, self.images)


def _highest(images: int, lost: int, won: int) -> float:
    """Return the greatest drop at which the observed one lies no more than Z_95 standard errors below it."""

    def gap(drop: float) -> float:
        # Share of `won` with the greatest likelihood under `drop`.
        linear = (2 * images - lost + won) * drop - lost - won
        # Neither is below 0 but by rounding, where one model is always right and the other never.
        root = math.sqrt(max(linear**2 + 8 * images * won * drop * (1 - drop), 0.0))
        variance = images * ((root - linear) / (2 * images) + drop * (1 - drop))
        return lost - won - images * drop + Z_95 * math.sqrt(max(variance, 0.0))

    # Not from the observed drop itself: where nothing was lost or won, it is a second solution.
    start = min((lost - won) / images + 1e-9, 1.0)
    return float(brentq(gap, start, 1.0)) if gap(start) > 0 else start
