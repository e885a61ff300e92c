"""What an overload did, held against what was wanted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import numpy as np

from benchmarks.open_loop import Answer, Answers
from scripts.markdown import table

OK = HTTPStatus.OK
REFUSALS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
SHARE_OF_PEAK, REFUSED_WITHIN_MS, NORMAL_WITHIN_S = 0.9, 50.0, 5.0
# Times what a full queue takes at the peak's rate.
QUEUES = 2.0
# Half a second of the load afterwards is normal when nothing is refused and its 95th percentile is at most so many
# times that of the same load before; below so many ms nobody calls it slow.
SLOW, NEVER_SLOW_MS, LOOK_S = 2.0, 50.0, 0.5


@dataclass(frozen=True)
class Goal:
    """Something wanted, what was found, and whether that is enough."""

    wanted: str
    found: str
    met: bool


@dataclass(frozen=True)
class Overload:
    """One run.

    Attributes:
        factor: times the peak.
        duration_s: of the overload.
        peak: right answers a second to a client that asks as fast as it is answered.
        beside: the same, while the overload's client loads another edge.
        at_once: requests that the edge lets in.
        cores: that were busy during the overload, by part.
        before: half of the peak.
        load: the overload.
        after: half of the peak again.
    """

    factor: float
    duration_s: float
    peak: float
    beside: float
    at_once: int
    cores: Mapping[str, float]
    before: Answers
    load: Answers
    after: Answers

    @property
    def rate(self) -> float:
        """Accepted requests a second."""
        return len(self.load.of(OK)) / self.duration_s

    def goals(self) -> list[Goal]:
        """Return each goal and what became of it."""
        share = self.rate / self.peak
        bound_ms = 1e3 * QUEUES * self.at_once / self.peak
        accepted_ms, refused_ms = (quantile(self.load.of(*statuses), 0.99) for statuses in ((OK,), REFUSALS))
        others = len(self.load.answers) + self.load.unsent - len(self.load.of(OK, *REFUSALS))
        unhinted = sum(not answer.hinted for answer in self.load.of(*REFUSALS))
        normal_s = self.normal_after_s()
        return [
            Goal(f"accepted / peak >= {SHARE_OF_PEAK}", f"{share:.2f}", share >= SHARE_OF_PEAK),
            Goal(f"accepted, p99 <= {bound_ms:.0f} ms", f"{accepted_ms:.0f} ms", accepted_ms <= bound_ms),
            Goal(f"refused, p99 < {REFUSED_WITHIN_MS:.0f} ms", f"{refused_ms:.0f} ms", refused_ms < REFUSED_WITHIN_MS),
            Goal("anything but 200, 429 and 503", str(others), others == 0),
            Goal("refusals without Retry-After", str(unhinted), unhinted == 0),
            Goal(
                f"normal within {NORMAL_WITHIN_S:.0f} s",
                "not while it was watched" if normal_s is None else f"{normal_s:.1f} s",
                normal_s is not None and normal_s <= NORMAL_WITHIN_S,
            ),
        ]

    def normal_after_s(self) -> float | None:
        """Return how long after the last request of the overload the last half second was that was not normal."""
        usual_ms = max(SLOW * quantile(self.before.answers, 0.95), NEVER_SLOW_MS)
        since_s = self.after.began_s - (self.load.began_s + self.duration_s)
        looks = int(max(answer.due_s for answer in self.after.answers) / LOOK_S)
        bad = [look for look in range(looks) if not _normal(self.after.answers, look, usual_ms)]
        if looks - 1 in bad:
            return None
        return since_s + (LOOK_S * (bad[-1] + 1) if bad else 0.0)


def markdown(found: Overload, workers: int) -> str:
    """Return the figures as Markdown."""
    statuses = Counter(answer.status or "no answer" for answer in found.load.answers)
    rows = [
        (name, str(len(answers)), *(f"{quantile(answers, share):.0f}" for share in (0.5, 0.95, 0.99, 1)))
        for name, answers in (
            ("half of the peak, before", found.before.answers),
            ("overload, accepted", found.load.of(OK)),
            ("overload, refused", found.load.of(*REFUSALS)),
            ("half of the peak, after", found.after.answers),
        )
    ]
    goals = [(goal.wanted, goal.found, "met" if goal.met else "missed") for goal in found.goals()]
    about = (
        f"Written by `python -m benchmarks.overload`: {found.factor:g} times the peak for {found.duration_s:.0f} s, "
        f"photos of 500x375, {workers} worker(s) of version 2.0, {found.at_once} requests at once."
    )
    by_status = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items(), key=str))
    cores = ", ".join(f"{name} {busy:.2f}" for name, busy in found.cores.items())
    rest = (
        f"Peak: {found.peak:.0f} right answers a second; {found.beside:.0f} while the same client loads another edge "
        f"on the same cores. Accepted: {found.rate:.0f} a second, {found.rate / found.peak:.2f} of the one and "
        f"{found.rate / found.beside:.2f} of the other. By status: {by_status}. Milliseconds count from when a request "
        f"was due. Cores busy during the overload: {cores}."
    )
    head = ("load", "answers", "p50 ms", "p95 ms", "p99 ms", "largest ms")
    return "\n\n".join(["# Overload", about, table(("goal", "found", ""), goals), table(head, rows), rest])


def quantile(answers: Sequence[Answer], share: float) -> float:
    """Return the ms within which this share of the answers came; 0 where there are none."""
    return float(np.quantile([answer.ms for answer in answers], share)) if answers else 0.0


def _normal(answers: Sequence[Answer], look: int, usual_ms: float) -> bool:
    there = [answer for answer in answers if int(answer.due_s / LOOK_S) == look]
    return all(answer.status == OK for answer in there) and quantile(there, 0.95) <= usual_ms
