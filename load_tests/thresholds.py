"""What a load test saw, held against thresholds.yaml."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any

from pydantic import Field
from ruamel.yaml import YAML

from handler.strict import StrictModel, load
from scripts.errors import UserError

PATH = Path(__file__).with_name("thresholds.yaml")


class Thresholds(StrictModel):
    """Limits of one shape; the file says what each means."""

    p95_ms: float = Field(gt=0)
    error_rate: float = Field(ge=0, lt=1)
    split_confidence: float = Field(gt=0, lt=1)
    min_answers: int = Field(ge=1)


@dataclass
class Seen:
    """What the clients counted.

    Attributes:
        answers: failures included.
        failures: of these.
        p95_ms: of all answers.
        visitors: by the version that answered a visitor first.
    """

    answers: int
    failures: int
    p95_ms: float
    visitors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One threshold: what it is, what was seen, what is allowed."""

    name: str
    seen: str
    allowed: str
    passed: bool


def read(shape: str, path: Path = PATH) -> Thresholds:
    """Return the thresholds of a shape.

    Raises:
        UserError: one sentence that names the file, the key and a fix.
    """
    document: dict[str, Any] = dict(YAML(typ="safe").load(path) or {})
    shapes = document.pop("shapes", None) or {}
    try:
        return load(Thresholds, {**document, **shapes.get(shape, {})}, str(path))
    except ValueError as error:
        raise UserError(str(error)) from None


def check(seen: Seen, limits: Thresholds, split: Mapping[str, int] | None) -> list[Check]:
    """Return every threshold with its verdict.

    Args:
        seen: what the clients counted.
        limits: of the shape.
        split: percent by version, 100 in all; None where it was not the same all the time: visitors are not judged.
    """
    error_rate = seen.failures / seen.answers if seen.answers else 1.0
    return [
        Check("answers", f"{seen.answers}", f"at least {limits.min_answers}", seen.answers >= limits.min_answers),
        Check("p95", f"{seen.p95_ms:.0f} ms", f"at most {limits.p95_ms:g} ms", seen.p95_ms <= limits.p95_ms),
        Check(
            "error rate",
            f"{error_rate:.3%} ({seen.failures})",
            f"at most {limits.error_rate:.3%}",
            error_rate <= limits.error_rate,
        ),
        *([] if split is None else _split(seen.visitors, split, limits.split_confidence)),
    ]


def record(seen: Seen, checks: Sequence[Check]) -> dict[str, Any]:
    """Return what was counted and how it was judged, as JSON holds it."""
    return {**asdict(seen), "checks": [asdict(each) for each in checks]}


def interval(weight: int, visitors: int, confidence: float) -> tuple[int, int]:
    """Return how many of so many visitors a version with `weight` percent may meet.

    Each visitor draws for itself, so the number is binomial; the normal approximation, widened by one visitor for its
    continuity, is close enough for a threshold and never too narrow for weights of 0 and 100.
    """
    share = weight / 100
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    reach = z * math.sqrt(visitors * share * (1 - share)) + (0 if weight in (0, 100) else 1)
    return max(0, math.floor(visitors * share - reach)), min(visitors, math.ceil(visitors * share + reach))


def _split(visitors: Mapping[str, int], split: Mapping[str, int], confidence: float) -> list[Check]:
    total = sum(visitors.values())
    checks = []
    for version in [*split, *(version for version in visitors if version not in split)]:
        count = visitors.get(version, 0)
        low, high = interval(split.get(version, 0), total, confidence)
        allowed = f"{low} to {high} ({split.get(version, 0)} %)"
        checks.append(Check(f"visitors of {version}", f"{count} of {total}", allowed, low <= count <= high))
    return checks
