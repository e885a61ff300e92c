"""What a canary goes through: the version, the steps, and what each step takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scripts.errors import UserError
from scripts.serving.history import same

ALL: Final = 100


@dataclass(frozen=True)
class Plan:
    """One version's way.

    Attributes:
        version: the candidate.
        others: percent by version of all others, before, in the order in which they give it up (`giving`).
        steps: percent of the candidate, rising, 100 the last.
        copied: percent of the requests that the candidate gets copies of before its first step; 0: no such step.
        requests: that the candidate answers in each step, at least.
        hold_s: seconds that each step takes, at least.
        disagreement: share of the images, of 1, that the candidate may answer otherwise than the baseline.
    """

    version: str
    others: Mapping[str, int]
    steps: tuple[int, ...]
    copied: int
    requests: int
    hold_s: float
    disagreement: float

    @property
    def baseline(self) -> str:
        """The version that the candidate is held against: the one with the most weight."""
        return max(self.others, key=lambda version: self.others[version])

    def split(self, percent: int) -> dict[str, int]:
        """Return the weights with `percent` for the candidate, of which the others give up what they have in turn."""
        weights, wanted = dict(self.others), percent
        for version, weight in self.others.items():
            given = min(weight, wanted)
            weights[version], wanted = weight - given, wanted - given
        return {**weights, self.version: percent}

    def has_set(self, split: Mapping[str, int]) -> bool:
        """Return whether the canary sets these weights at one of its steps, or before and after them."""
        percent = split.get(self.version, 0)
        return percent in (0, *self.steps) and same(split, self.split(percent))


def giving(split: Mapping[str, int], version: str) -> dict[str, int]:
    """Return the weights of all versions but one, in the order in which they give theirs up to it; those of 0 left out.

    A user's place among the weights is fixed, and they lie in the file's order, a new version at the end. So its
    neighbours come first, those before it and then those after it: a user moves once at most, and to it alone.
    """
    names = [*dict.fromkeys([*split, version])]
    at = names.index(version)
    return {name: split[name] for name in [*reversed(names[:at]), *names[at + 1 :]] if split[name]}


def parse_steps(text: str) -> tuple[int, ...]:
    """Return the steps of `5,25,50,100`.

    Raises:
        UserError: they are no rising percentages that end with 100.
    """
    words = text.replace(" ", ",").split(",")
    if not all(word.isascii() and word.isdigit() for word in words if word):
        raise UserError(f"STEPS={text}: write percentages with commas between them, for example STEPS=5,25,50,100.")
    steps = tuple(int(word) for word in words if word)
    if not steps or list(steps) != sorted({*steps}) or steps[0] < 1:
        raise UserError(f"STEPS={text}: each step is larger than the one before, and the first at least 1.")
    if steps[-1] != ALL:
        raise UserError(f"STEPS={text}: the last step is {ALL}; `make split` sets a share that stays.")
    return steps
