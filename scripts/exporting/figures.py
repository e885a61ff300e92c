"""What a report says as metrics: docs/metrics.md has them in a table.

What can't be known has no series, for 0 would be a figure: `release_known` says what is missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from prometheus_client.core import GaugeMetricFamily

from scripts.exporting.gauges import gauge, one

if TYPE_CHECKING:  # half a second, and only who makes reports needs it
    from scripts.reporting.collect import Report
    from scripts.reporting.drift import Drift


@dataclass(frozen=True)
class Look:
    """What came of the last look at the logs.

    Attributes:
        report: of the last look that succeeded, or None.
        at_s: when that was, in seconds since 1970; None likewise.
        took_s: seconds of the last look, whatever came of it.
        failure: why it failed; empty where it did not.
    """

    report: "Report | None"
    at_s: float | None
    took_s: float
    failure: str = ""


def of_look(look: Look) -> Iterator[GaugeMetricFamily]:
    """Give whether the logs could be read, and what the last report says."""
    yield one("release_report_success", "Whether the last look at the logs succeeded", float(not look.failure))
    yield one("release_report_duration_seconds", "Time that the last look took", look.took_s)
    if look.report is None or look.at_s is None:
        return
    yield one("release_report_timestamp_seconds", "When a look at the logs last succeeded", look.at_s)
    yield from _of_report(look.report)


def _of_report(report: "Report") -> Iterator[GaugeMetricFamily]:
    found = {
        "split": list(_split(report)),
        "disagreement": list(_disagreement(report)),
        "drift": list(_drift(report.drift)),
        "verdict": list(_verdict(report)),
    }
    yield gauge(
        "release_known",
        "Whether the logs say something about it",
        ("figure",),
        {(figure,): float(bool(families)) for figure, families in found.items()},
    )
    for families in found.values():
        yield from families
    malformed = sum(each.lines for each in report.malformed)
    yield one("release_malformed_lines", "Lines of the logs that can't be read", malformed)


def _split(report: "Report") -> Iterator[GaugeMetricFamily]:
    ratio = report.ratio
    if ratio.unchecked:
        return
    total = sum(ratio.observed.values())
    labels = ("version", "unit")
    yield gauge(
        "release_share_ratio",
        "Share of the split's units that a version got",
        labels,
        {(version, ratio.unit): count / total for version, count in ratio.observed.items()},
    )
    yield gauge(
        "release_share_expected_ratio",
        "Share that the weights of the time would give it",
        labels,
        {(version, ratio.unit): count / total for version, count in ratio.expected.items()},
    )
    yield one("release_split_mismatch_p_value", "Of the shares, by the weights", ratio.p_value)
    yield one("release_split_broken", "Whether make report would call the split broken", float(ratio.broken))


def _disagreement(report: "Report") -> Iterator[GaugeMetricFamily]:
    pairs = {(each.version, each.shadow): each.answers for each in report.mirrored if each.answers}
    if not pairs:
        return
    labels = ("version", "shadow")
    yield gauge(
        "release_disagreement_ratio",
        "Share of the compared images to which a version and its shadow gave different labels",
        labels,
        {pair: 1 - same.share for pair, same in pairs.items()},
    )
    yield gauge(
        "release_compared_images",
        "Different images that both answered",
        labels,
        {pair: same.of for pair, same in pairs.items()},
    )


def _drift(found: "Iterable[Drift]") -> Iterator[GaugeMetricFamily]:
    by_labels = {_labelled(each): each for each in found}
    if not by_labels:
        return
    labels = ("version", "role", "of", "against")
    yield gauge(
        "release_drift_index",
        "Population stability index of a version's answers",
        labels,
        {key: each.index for key, each in by_labels.items()},
    )
    yield gauge(
        "release_drift_noise",
        "What chance alone exceeds once in a hundred times",
        labels,
        {key: each.noise for key, each in by_labels.items()},
    )


def _labelled(drift: "Drift") -> tuple[str, str, str, str]:
    version, _, shadow = drift.version.partition(" ")
    against = drift.against.removeprefix("version ") if drift.against.startswith("version ") else "gate"
    return version, "shadow" if shadow else "served", drift.of, against


def _verdict(report: "Report") -> Iterator[GaugeMetricFamily]:
    from scripts.reporting.verdict import Decision  # noqa: PLC0415  (see above)

    if report.pair is None:
        return
    baseline, candidate = report.pair
    yield gauge(
        "release_verdict",
        "1 for what make report would say, accuracy left out",
        ("baseline", "candidate", "decision"),
        {
            (baseline, candidate, decision): float(decision == report.verdict.decision)
            for decision in get_args(Decision)
        },
    )
