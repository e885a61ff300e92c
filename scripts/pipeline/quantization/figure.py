"""A comparison as a figure."""

from io import BytesIO
from typing import Any

from matplotlib import pyplot
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from scripts.pipeline.proportion import Proportion
from scripts.pipeline.quantization.comparison import Comparison
from scripts.pipeline.quantization.layers import COLLAPSED_DB
from scripts.pipeline.quantization.measure import BATCHES, Row

_COLOURS = {"hard-swish": "tab:orange", "squeeze-excite": "tab:red", "other": "tab:blue"}


def draw(found: Comparison) -> bytes:
    """Return a PNG: size, time and answers of each variant above, the layers' signal to noise below."""
    pyplot.switch_backend("agg")

    figure = pyplot.figure(figsize=(13, 9), layout="constrained")
    grid = figure.add_gridspec(2, 4, height_ratios=(1.15, 1))
    size = figure.add_subplot(grid[0, 0])
    _variants(found, size, *(figure.add_subplot(grid[0, column], sharey=size) for column in (1, 2, 3)))
    _layers(found, figure.add_subplot(grid[1, :]))
    content = BytesIO()
    figure.savefig(content, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return content.getvalue()


def _variants(found: Comparison, size: Any, time: Any, accuracy: Any, agreement: Any) -> None:
    places = range(len(found.rows))
    size.barh(places, [row.bytes / 1e6 for row in found.rows], color="tab:blue", alpha=0.7)
    size.set(xlabel="MB", title="size on disk")
    size.set_yticks(places, [_label(row) for row in found.rows])
    size.invert_yaxis()
    for batch, colour, aside in zip(BATCHES, ("tab:blue", "tab:orange"), (-0.15, 0.15), strict=True):
        spreads = [row.cpu_ms[batch] for row in found.rows]
        whiskers = [[one.median - one.low for one in spreads], [one.high - one.median for one in spreads]]
        medians = [one.median for one in spreads]
        time.errorbar(
            medians,
            [place + aside for place in places],
            xerr=whiskers,
            fmt="o",
            capsize=3,
            color=colour,
            label=f"batch {batch}",
        )
    time.set(xscale="log", xlabel="ms", title="CPU of one image, one thread")
    time.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    time.xaxis.set_major_formatter(ScalarFormatter())
    time.xaxis.set_minor_formatter(NullFormatter())
    time.legend(fontsize=8)
    test = found.images["test"]
    for axis, title, shares in (
        (accuracy, "accuracy", [row.accuracy for row in found.rows]),
        (agreement, "agreement with float32", [row.agreement for row in found.rows]),
    ):
        intervals = [Proportion(round(share * test), test).interval_95 for share in shares]
        sides = [max(share - low, 0) for share, (low, _) in zip(shares, intervals, strict=True)]
        others = [max(high - share, 0) for share, (_, high) in zip(shares, intervals, strict=True)]
        whiskers = [[100 * side for side in sides], [100 * side for side in others]]
        axis.errorbar([100 * share for share in shares], places, xerr=whiskers, fmt="o", capsize=3)
        axis.set(xlabel=f"% of {test}, 95 % interval", title=title)
    for axis in (size, time, accuracy, agreement):
        axis.grid(alpha=0.3, axis="x")
        axis.tick_params(labelleft=axis is size)


def _layers(found: Comparison, axis: Any) -> None:
    for kind, colour in _COLOURS.items():
        own = [(place, layer.output_db) for place, layer in enumerate(found.layers) if layer.kind == kind]
        axis.plot([place for place, _ in own], [level for _, level in own], "o", color=colour, label=kind)
    axis.axhline(COLLAPSED_DB, color="black", linestyle="--", linewidth=1, label=f"collapse, {COLLAPSED_DB:g} dB")
    axis.set(xlabel="layer, in the order in which they run", ylabel="signal to quantization noise, dB")
    axis.set(title="static, per channel, int8 arithmetic: each layer's output against float32")
    axis.set_ylim(bottom=min([0.0, *(layer.output_db for layer in found.layers)]))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, ncols=4)


def _label(row: Row) -> str:
    return f"{row.name}\n{row.runtime}"
