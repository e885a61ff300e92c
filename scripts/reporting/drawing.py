"""matplotlib's figures as SVG for a page: no size of their own, the page's colour of text, no ids in common."""

import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#2f81d6", "#e07b00", "#2f9e60", "#b455c8", "#8a8f98")
"""Told apart on white, on near-black, and by most who are colour-blind."""
# Stands for the page's colour of text until the figure is done; used for nothing else.
INK = "#010203"
_WIDTH_IN = 4.6
# The page's own font is wider than matplotlib thinks.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


styled = mpl.rc_context(_STYLE)
"""Decorates whatever draws: matplotlib reads colours whenever it makes something, not only at the beginning."""


def new(height_in: float) -> tuple[Figure, Axes]:
    """Return an empty figure of a phone's width."""
    figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
    return figure, figure.subplots()


def svg(figure: Figure, name: str) -> str:
    """Return the figure as an `<svg>` element; `name` keeps its ids apart from other figures'."""
    stream = io.StringIO()
    figure.savefig(
        stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return text.replace(INK, "currentColor").replace("<svg ", '<svg aria-hidden="true" ', 1)
