"""The report's figures; what each means is in docs/report.md and in its caption on the page."""

from collections.abc import Mapping, Sequence

import numpy as np

from scripts.pipeline.answers import CONFIDENCE_BINS
from scripts.reporting.capital import interval
from scripts.reporting.comparison import LEVEL, Comparison
from scripts.reporting.drawing import COLOURS, INK, new, styled, svg
from scripts.reporting.ratio import Ratio
from scripts.reporting.reference import Reference
from scripts.reporting.versions import Figures

NAMES = {"errors": "errors", "slow": "slow answers", "wrong": "wrong answers"}
_LOOKS = 40
_POINTS = 100
_MOST_CLASSES = 8


@styled
def differences(compared: Mapping[str, Comparison]) -> str:
    """Each kind of bad outcome: the interval of the difference, beside 0 and what is tolerated."""
    shown = [one for one in compared.values() if len(one.outcomes.differences)]
    figure, axes = new(0.7 + 0.65 * len(shown))
    axes.axvline(0, color=INK, linewidth=0.8)
    for row, one in enumerate(reversed(shown)):
        low, high = (_POINTS * bound for bound in one.interval)
        colour = {"worse": COLOURS[1], "no worse": COLOURS[2], "open": COLOURS[4]}[one.state]
        axes.plot([low, high], [row, row], color=colour, linewidth=6, solid_capstyle="round")
        axes.plot([_POINTS * one.estimate], [row], "o", color=INK, markersize=5)
        axes.plot([_POINTS * one.tolerated] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=1.5, linestyle=":")
    axes.set_yticks(range(len(shown)), [NAMES[one.of] for one in reversed(shown)])
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlabel("percentage points more than the baseline")
    return svg(figure, "differences")


@styled
def course(one: Comparison) -> str:
    """How the interval of a difference narrowed as outcomes came."""
    found = one.outcomes.differences
    looks = np.unique(np.geomspace(1, len(found), _LOOKS).astype(int))
    values, position = np.unique((found + 1) / 2, return_inverse=True)
    bounds = [
        interval(values, np.bincount(position[:look], minlength=len(values)).astype(float), LEVEL) for look in looks
    ]
    low, high = (_POINTS * (2 * np.array(bounds) - 1)).T
    figure, axes = new(2.6)
    axes.fill_between(looks, low, high, color=COLOURS[0], alpha=0.35, linewidth=0)
    axes.plot(looks, _POINTS * np.cumsum(found)[looks - 1] / looks, color=COLOURS[0])
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axhline(_POINTS * one.tolerated, color=INK, linewidth=1.2, linestyle=":")
    half = max(10 * _POINTS * one.tolerated, 3 * _POINTS * abs(one.estimate))
    axes.set_ylim(-half, half)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("blocks compared, as they came")
    axes.set_ylabel(f"points more {NAMES[one.of]}")
    return svg(figure, f"course-{one.of}")


@styled
def split(ratio: Ratio) -> str:
    """Units that each version got, beside those that were due."""
    figure, axes = new(0.9 + 0.5 * len(ratio.observed))
    for row, version in enumerate(reversed(list(ratio.observed))):
        axes.barh(row, ratio.observed[version], color=COLOURS[1] if ratio.broken else COLOURS[0], height=0.55)
        axes.plot([ratio.expected[version]] * 2, [row - 0.4, row + 0.4], color=INK, linewidth=2)
    axes.set_yticks(range(len(ratio.observed)), [f"version {name}" for name in reversed(list(ratio.observed))])
    axes.set_xlabel(f"{ratio.unit} (bar), due (line)")
    return svg(figure, "split")


@styled
def latency(versions: Sequence[Figures]) -> str:
    """The percentiles of each version's latency."""
    shown = [one for one in versions if one.latency_ms]
    figure, axes = new(0.9 + 0.45 * len(shown))
    for row, one in enumerate(reversed(shown)):
        axes.plot([one.latency_ms[0], one.latency_ms[2]], [row, row], color=COLOURS[0], linewidth=2)
        for value, mark in zip(one.latency_ms, ("o", "s", "D"), strict=True):
            axes.plot(value, row, mark, color=COLOURS[0], markersize=6)
    axes.set_yticks(range(len(shown)), [f"version {one.name}" for one in reversed(shown)])
    axes.set_ylim(-0.5, len(shown) - 0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("ms: p50 ●  p95 ■  p99 ◆")
    return svg(figure, "latency")


@styled
def class_mix(versions: Sequence[Figures], references: Mapping[str, Reference]) -> str:
    """The shares of the labels that each version answered, and that it answered in its gate."""
    series: list[tuple[str, Mapping[str, int]]]
    series = [(f"version {one.name}", one.classes) for one in versions if one.classes]
    series += [(f"{version}, gate", of.classes) for version, of in references.items() if of.classes]
    total: dict[str, int] = {}
    for _, counts in series[: len([one for one in versions if one.classes])]:
        for label, count in counts.items():
            total[label] = total.get(label, 0) + count
    labels = sorted(total, key=lambda label: (-total[label], label))[:_MOST_CLASSES]
    figure, axes = new(0.9 + 0.45 * len(series))
    left = np.zeros(len(series))
    rows = range(len(series) - 1, -1, -1)
    for number, label in enumerate(labels):
        shares = np.array([_POINTS * counts.get(label, 0) / sum(counts.values()) for _, counts in series])
        axes.barh(
            rows,
            shares,
            left=left,
            height=0.6,
            label=_plain(label),
            color=COLOURS[number % 5],
            alpha=1 - 0.4 * (number // 5),
        )
        left += shares
    axes.set_yticks(rows, [name for name, _ in series])
    axes.set_xlabel("% of answers")
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=2)
    return svg(figure, "classes")


@styled
def confidence(versions: Sequence[Figures], references: Mapping[str, Reference]) -> str:
    """How often each version was how sure, and in its gate."""
    figure, axes = new(2.6)
    edges = np.linspace(0, _POINTS, CONFIDENCE_BINS + 1)
    lowest = CONFIDENCE_BINS - 1
    for number, one in enumerate([one for one in versions if one.confidence]):
        gate = references[one.version].confidence if one.version in references else {}
        for name, found, line in ((f"version {one.name}", one.confidence, "-"), (f"{one.version}, gate", gate, ":")):
            if not any(found.values()):
                continue
            counts = np.array([found.get(each, 0) for each in range(CONFIDENCE_BINS)])
            lowest = min(lowest, int(counts.nonzero()[0][0]))
            shares = _POINTS * counts / counts.sum()
            axes.stairs(shares, edges, label=name, color=COLOURS[number % 5], linewidth=1.8, linestyle=line)
    axes.set_xlim(edges[lowest], _POINTS)
    axes.set_xlabel("probability of the answered label, %")
    axes.set_ylabel("% of answers")
    axes.legend(loc="upper left")
    return svg(figure, "confidence")


def _plain(label: str) -> str:
    # matplotlib reads formulas between dollar signs, and hides a legend that begins with an underscore.
    return label.replace("$", r"\$").lstrip("_")
