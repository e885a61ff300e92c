"""How many users there are when: stages as data, in shares of the whole test, so that one shape fits any length."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Stage:
    """A part of a test.

    Attributes:
        time: its share of the whole duration, 0 to 1.
        users: its share of all users at the end, 0 to 1.
        start_users: its share of all users at the beginning; between the two, they come or go evenly.
    """

    time: float
    users: float
    start_users: float


def hold(time: float, users: float) -> Stage:
    """Return a stage with the same users throughout."""
    return Stage(time, users, users)


def slope(time: float, start_users: float, users: float) -> Stage:
    """Return a stage in which users come or go evenly."""
    return Stage(time, users, start_users)


@dataclass(frozen=True)
class Shape:
    """A load test.

    Attributes:
        stages: one after the other; their times add up to 1.
        broken: share of files that no decoder can read, 0 to 1.
        drifted: whether the images are those of load_tests.drift.
        duration_s: when nobody says how long.
    """

    stages: tuple[Stage, ...]
    broken: float = 0.0
    drifted: bool = False
    duration_s: int = 60

    def users(self, elapsed_s: float, duration_s: float, all_users: int) -> int | None:
        """Return how many users there are after `elapsed_s`, at least 1, or None when the test is over."""
        at = elapsed_s / duration_s
        ends = accumulate(stage.time for stage in self.stages)
        for stage, end in zip(self.stages, ends, strict=True):
            if at < end:
                into = 1 - (end - at) / stage.time
                share = stage.start_users + into * (stage.users - stage.start_users)
                return max(1, round(share * all_users))
        return None


SHAPES: Mapping[str, Shape] = {
    "steady": Shape((hold(1.0, 1.0),)),
    "ramp": Shape((slope(0.8, 0.0, 1.0), hold(0.2, 1.0)), duration_s=120),
    "spike": Shape((hold(0.35, 0.2), hold(0.3, 1.0), hold(0.35, 0.2))),
    "soak": Shape((slope(0.02, 0.0, 1.0), hold(0.98, 1.0)), duration_s=3600),
    "mix": Shape((hold(1.0, 1.0),), broken=0.05),
    "drift": Shape((hold(1.0, 1.0),), drifted=True),
}
