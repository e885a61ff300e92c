"""What ends a canary: harm that is certain, however often somebody looks for it.

All are of scripts.reporting, whose page shows the same figures: errors, slow answers and wrong ones by their
anytime-valid intervals, the check of the split, and the share of copied images that both versions answer differently.
"""

from typing import Final

import numpy as np

from scripts.canarying.plan import Plan
from scripts.reporting.capital import interval
from scripts.reporting.collect import Report
from scripts.reporting.comparison import Comparison
from scripts.reporting.mirrored import Mirrored
from scripts.reporting.verdict import described, mismatch

LEVEL: Final = 0.01
"""Probability that versions which agree as often as they should are ever said not to."""


def breaches(report: Report, plan: Plan) -> list[str]:
    """Return a sentence for each guardrail that the candidate is beyond; none while there is no certain harm."""
    names = plan.baseline, plan.version
    found = [_worse(report, one, names) for one in report.compared.values() if one.state == "worse" and _counts(one)]
    if report.ratio.broken:
        found.append(mismatch(report.ratio))
    copies = beside(report, plan)
    if copies is not None and copies.answers is not None:
        other, images = copies.answers.of - copies.answers.count, copies.answers.of
        at_least, _ = interval(np.array([0.0, 1.0]), np.array([images - other, other], dtype=float), LEVEL)
        if at_least > plan.disagreement:
            found.append(
                f"Disagreement: {plan.version} answers {other} of {images} images otherwise than {plan.baseline}, "
                f"surely more than the {100 * plan.disagreement:g} % tolerated."
            )
    return found


def beside(report: Report, plan: Plan) -> Mirrored | None:
    """Return the candidate's copies beside the baseline's answers; None where there are none."""
    pairs = [one for one in report.mirrored if (one.version, one.shadow) == (plan.baseline, plan.version)]
    return pairs[0] if pairs else None


def _counts(one: Comparison) -> bool:
    # A copy goes another way through the edge and waits behind what it is a copy of; slow or not, nobody waits for it.
    return one.of != "slow" or one.outcomes.drawn > 0


def _worse(report: Report, one: Comparison, names: tuple[str, str]) -> str:
    sentence = described(one, names)
    if one.of != "slow":
        return sentence
    p95 = {each.version: each.latency_ms[1] for each in report.versions if not each.shadow and each.latency_ms}
    baseline, candidate = names
    if baseline in p95 and candidate in p95:
        sentence += f" Its p95 is {p95[candidate]:.0f} ms, that of {baseline} {p95[baseline]:.0f} ms."
    return sentence
