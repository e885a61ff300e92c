"""The verdict in words: promote, keep waiting and for how long, or roll back; and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scripts.reporting.comparison import FEWEST, Comparison
from scripts.reporting.ratio import Ratio

Decision = Literal["promote", "keep waiting", "roll back", "the split is broken", "nothing to compare"]

_BAD = {"errors": "errors", "slow": "slow answers", "wrong": "wrong answers"}


@dataclass(frozen=True)
class Pace:
    """How fast outcomes come, of both versions together.

    Attributes:
        per_s: requests a second that both versions got and that count; 0 where that is not known.
        labelled: labelled images a request; 0 without labels.
    """

    per_s: float
    labelled: float


@dataclass(frozen=True)
class Verdict:
    """What to do.

    Attributes:
        decision: in two words.
        reasons: sentences, the weightiest first.
        more_requests: still needed of both versions together, about; None where there is nothing to wait for, or
            nobody knows.
        more_s: seconds until then at this rate; None likewise.
    """

    decision: Decision
    reasons: tuple[str, ...]
    more_requests: int | None = None
    more_s: float | None = None

    @property
    def text(self) -> str:
        """The verdict for a person, one sentence after the other."""
        return " ".join([f"{self.decision[0].upper()}{self.decision[1:]}.", *self.reasons])

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for a program."""
        return {
            "decision": self.decision,
            "reasons": list(self.reasons),
            "more_requests": self.more_requests,
            "more_s": None if self.more_s is None else round(self.more_s),
        }


def judge(
    names: tuple[str, str],
    compared: Mapping[str, Comparison],
    ratio: Ratio,
    pace: Pace,
    without_labels: bool = False,
) -> Verdict:
    """Return the verdict on the candidate.

    Args:
        names: of the baseline and of the candidate.
        compared: `errors`, `slow` and `wrong`; a kind may have no outcomes.
        ratio: the check of the split.
        pace: of the outcomes.
        without_labels: whether accuracy is left out where there are no labels.
    """
    if ratio.broken:
        return Verdict("the split is broken", (mismatch(ratio),))
    looked_at = [one for one in compared.values() if one.seen]
    worse = [one for one in looked_at if one.state == "worse"]
    if worse:
        return Verdict("roll back", tuple(described(one, names) for one in worse))
    left_out = without_labels and not compared["wrong"].seen
    wanted = [one for kind, one in compared.items() if not (kind == "wrong" and left_out)]
    still_open = [one for one in wanted if one.state == "open"]
    note = ("There are no labels, and accuracy was left out: nothing here says that the answers are right.",)
    if not still_open:
        reasons = tuple(described(one, names) for one in wanted)
        return Verdict("promote", reasons + (note if left_out else ()))
    return _waiting(names, compared, still_open, pace)


def described(one: Comparison, names: tuple[str, str]) -> str:
    """Return one sentence about a comparison."""
    low, high = one.interval
    baseline, candidate = names
    if one.of != "wrong" and not one.seen:
        return f"{_BAD[one.of].capitalize()}: not known, as no access log has requests of both."
    if min(one.outcomes.baseline.of, one.outcomes.candidate.of) < FEWEST:
        what = "labelled images" if one.of == "wrong" else "requests"
        return (
            f"{_BAD[one.of].capitalize()}: too few to say anything ({one.outcomes.candidate.of} {what} of {candidate}, "
            f"{one.outcomes.baseline.of} of {baseline}; it takes {FEWEST} of each)."
        )
    outcome = {
        "worse": "that is worse",
        "no worse": f"no worse than the {_points(one.tolerated)} tolerated",
        "open": f"open, as up to {_points(one.tolerated)} are tolerated",
    }[one.state]
    return (
        f"{_BAD[one.of].capitalize()}: {candidate} has between {_signed(low)} and {_signed(high)} points more than "
        f"{baseline}: {outcome}."
    )


def duration(seconds: float) -> str:
    """Return a time to wait in its largest sensible unit."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 1):.0f} seconds"


def _waiting(
    names: tuple[str, str], compared: Mapping[str, Comparison], still_open: Sequence[Comparison], pace: Pace
) -> Verdict:
    reasons = [described(one, names) for one in still_open]
    unlabelled = not compared["wrong"].seen
    if unlabelled and compared["wrong"] in still_open:
        reasons[-1] = (
            f"There are no labels, so nobody knows which version is right more often; about "
            f"{_round(compared['wrong'].needed):,} labelled images of both together would say "
            "(or leave accuracy out: NO_LABELS=1)."
        )
    missing = [
        one.missing / (pace.labelled if one.of == "wrong" else 1)
        for one in still_open
        if one.of != "wrong" or pace.labelled
    ]
    if not missing or math.isinf(max(missing)):
        return Verdict("keep waiting", tuple(reasons))
    more = _round(max(missing))
    seconds = more / pace.per_s if pace.per_s else None
    reasons.append(
        f"It takes about {more:,} more requests of both versions together"
        + (f", {duration(seconds)} at this rate." if seconds is not None else ".")
    )
    return Verdict("keep waiting", tuple(reasons), more, seconds)


def mismatch(ratio: Ratio) -> str:
    """Return one sentence about a split that is not the one that the weights say."""
    counted = ", ".join(
        f"{version} has {count:,} where {ratio.expected[version]:,.0f} were due"
        for version, count in ratio.observed.items()
    )
    return (
        f"The {ratio.unit} are not split as the weights say ({counted}; p = {ratio.p_value:.2g}), so who met which "
        "version was not chance, and no comparison below means anything. Find out why "
        "first: docs/report.md says where to look."
    )


def _round(count: float) -> int:
    """Two digits; more would promise too much."""
    if count < 1:
        return 0
    step: int = 10 ** max(math.floor(math.log10(count)) - 1, 0)
    return int(math.ceil(count / step) * step)


def _points(share: float) -> str:
    return f"{100 * share:g} points"


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}"
