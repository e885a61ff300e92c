"""A storm's figures as Markdown."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scripts.markdown import table

if TYPE_CHECKING:
    from benchmarks.hostile import Outcome, Storm

# Bytes of the pixels that one request may have, 25 million of RGB.
PIXELS_MB = 75
MOST_AT_PEAK_MB, MOST_AFTER_MB = 4 * PIXELS_MB, 100
_SERVER_ERROR, _OK = 500, 200


def report(storm: "Storm") -> str:
    """Return it, with whether each goal is met."""
    answered = Counter(storm.neighbours)
    faults = [outcome for outcome in storm.outcomes if outcome.status >= _SERVER_ERROR]
    others = [outcome for outcome in storm.outcomes if outcome.got != outcome.expected]
    peak = max(worker.peak - worker.before for worker in storm.memory)
    left = max(worker.after - worker.before for worker in storm.memory)
    slowest = max(storm.outcomes, key=lambda outcome: outcome.ms if outcome.status != _OK else 0)
    lost = len(storm.neighbours) - answered[_OK]
    goals = (
        ("answers of 5xx to hostile requests", "0", str(len(faults)), not faults),
        ("hostile requests with another answer than theirs", "0", str(len(others)), not others),
        ("neighbours not answered with 200", f"0 of {len(storm.neighbours)}", str(lost), not lost),
        ("workers that had to be started again", "0", str(storm.restarts), not storm.restarts),
        (
            "a worker's memory at its peak, above rest",
            f"{MOST_AT_PEAK_MB} MB",
            f"{peak:.0f} MB",
            peak <= MOST_AT_PEAK_MB,
        ),
        ("a worker's memory afterwards, above rest", f"{MOST_AFTER_MB} MB", f"{left:.0f} MB", left <= MOST_AFTER_MB),
    )
    memory = [(w.worker, *(f"{mb:.0f}" for mb in (w.before, w.peak, w.after))) for w in storm.memory]
    return "\n".join(
        [
            "# A storm of hostile requests",
            "",
            f"Written by `python -m benchmarks.hostile`: {len(storm.outcomes)} hostile requests beside "
            f"{len(storm.neighbours)} ordinary ones. The slowest refusal took {slowest.ms / 1e3:.1f} s "
            f"({slowest.name}); the slowest ordinary answer {storm.slowest_neighbour_ms / 1e3:.1f} s.",
            "",
            table(("", "at most", "found", ""), [(*row, "met" if met else "missed") for *row, met in goals]),
            "",
            table(("worker", "before, MB", "peak, MB", "after, MB"), memory),
            "",
            table(("answer", "requests", "median ms", "slowest ms"), _by_answer(storm.outcomes)),
            *(f"\n- {o.name}: {o.status} {o.got}, not {o.expected}" for o in others[:20]),
        ]
    )


def _by_answer(outcomes: "Sequence[Outcome]") -> list[tuple[str, ...]]:
    found = defaultdict(list)
    for outcome in outcomes:
        found[f"{outcome.status or 'closed'} {outcome.got}"].append(outcome.ms)
    return [
        (answer, str(len(ms)), f"{sorted(ms)[len(ms) // 2]:.0f}", f"{max(ms):.0f}")
        for answer, ms in sorted(found.items())
    ]
