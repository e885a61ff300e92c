"""A client whose requests come at their times, thousands a second, on connections that stay.

It runs in a process of its own (`benchmarks/open_loop_client.py`), so that its CPU is its own.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.errors import UserError
from scripts.serving.places import REPOSITORY


@dataclass(frozen=True)
class Answer:
    """One answer, or the lack of one.

    Attributes:
        due_s: when its request was due, from the beginning.
        ms: from then until it was whole; what a request waits for a free connection counts.
        status: 0: the connection ended before it was whole.
        hinted: whether it says `retry-after`.
    """

    due_s: float
    ms: float
    status: int
    hinted: bool


@dataclass(frozen=True)
class Answers:
    """What became of a load.

    Attributes:
        answers: in the order in which they came.
        unsent: requests for which no connection became free, or that got no answer in time.
        cpu_s: of the client.
        began_s: when the first was due, s since 1970.
    """

    answers: list[Answer] = field(repr=False)
    unsent: int
    cpu_s: float
    began_s: float

    def of(self, *statuses: int) -> list[Answer]:
        """Return the answers with one of these statuses."""
        return [answer for answer in self.answers if answer.status in statuses]


def load(url: str, images: Sequence[Path], per_s: float, duration_s: float, connections: int) -> Answers:
    """Send so many requests a second, evenly, from a process of its own.

    Raises:
        UserError: the client failed.
    """
    words = [url, str(per_s), str(duration_s), str(connections), *map(str, images)]
    argv = [sys.executable, "-m", "benchmarks.open_loop_client", *words]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"the client failed: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    found["answers"] = [Answer(*answer) for answer in found["answers"]]
    return Answers(**found)
