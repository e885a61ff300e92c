"""p50, p95 and p99 by version over time, out of Locust's history."""

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

PERCENTILES = ("50%", "95%", "99%")
# Locust's own ten seconds would still show a spike when it is long over.
WINDOW_S = 3


@dataclass
class Series:
    """One line of Locust's table over time.

    Attributes:
        at_s: seconds since the test began.
        answers: since the test began.
        milliseconds: by percentile; of the last `WINDOW_S` each.
    """

    at_s: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PERCENTILES})

    def rates(self) -> list[float]:
        """Return the answers a second at each time, over `WINDOW_S`: a worker reports every three seconds."""
        rates = []
        for index, at_s in enumerate(self.at_s):
            first = next(other for other, time in enumerate(self.at_s) if time >= at_s - WINDOW_S)
            seconds = at_s - self.at_s[first]
            rates.append((self.answers[index] - self.answers[first]) / seconds if seconds else 0.0)
        return rates


def read(history: Path) -> tuple[dict[str, Series], list[tuple[int, int]]]:
    """Return the series by name (`version 1.0`, `broken file`, …) and (seconds, users).

    Args:
        history: Locust's `…_stats_history.csv` with full history.
    """
    series: dict[str, Series] = defaultdict(Series)
    users = []
    with history.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    begin = int(rows[0]["Timestamp"]) if rows else 0
    for row in rows:
        at_s = int(row["Timestamp"]) - begin
        if row["Name"] == "Aggregated":
            users.append((at_s, int(row["User Count"])))
        elif row["50%"] not in ("N/A", "0"):  # nothing answered in the window
            found = series[row["Name"]]
            found.at_s.append(at_s)
            found.answers.append(int(row["Total Request Count"]))
            for name in PERCENTILES:
                found.milliseconds[name].append(float(row[name]))
    return dict(series), users


def draw(history: Path, picture: Path, title: str) -> None:
    """Write the picture of a history."""
    import matplotlib  # noqa: PLC0415  (half a second, and only this needs it)

    matplotlib.use("agg")
    from matplotlib import pyplot  # noqa: PLC0415

    series, users = read(history)
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(11, 7), sharex=True, height_ratios=(3, 2))
    for colour, (name, found) in enumerate(sorted(series.items())):
        for style, percentile in zip(("-", "--", ":"), PERCENTILES, strict=True):
            label = f"{name}, p{percentile.rstrip('%')}"
            above.plot(found.at_s, found.milliseconds[percentile], style, color=f"C{colour}", label=label)
        below.plot(found.at_s, found.rates(), color=f"C{colour}", label=name)
    above.set(ylabel=f"ms, over the last {WINDOW_S} s", ylim=(0, None), title=title)
    below.set(ylabel="answers/s", xlabel="s", ylim=(0, None))
    right = below.twinx()
    right.step([at for at, _ in users], [count for _, count in users], color="grey", alpha=0.6, where="post")
    right.set(ylabel="users (grey)", ylim=(0, None))
    if series:
        above.legend(fontsize=8, ncols=len(series))
        below.legend(fontsize=8)
    for axis in (above, below):
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=120)
    pyplot.close(figure)
