"""What a run measured, as tables, JSON and a figure."""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks import profile
from benchmarks.goals import Verdict, judge, p50, rate
from benchmarks.results import OURS, Results, Sample
from scripts.markdown import table


def markdown(results: Results) -> str:
    """Return every table."""
    idle = max((sample.others_cpu for sample in results.samples), default=0.0)
    facts = {**results.machine, "cores that the idle servers used, at most": f"{idle:.2f}"}
    machine = "\n".join(f"- {key}: {value}" for key, value in facts.items())
    sections = [
        "# Benchmark\n\nWritten by `make bench`; medians of the rounds, with smallest and largest in brackets.",
        machine,
        "## Goals\n\n" + _goals(judge(results)),
        *(f"## {_title(load)}\n\n" + _load(results, load) for load in results.loads()),
        "## Where the CPU of a request goes (ms, 500x375 JPEG)\n\n"
        + table(profile.heads(results), profile.cpu_rows(results)),
        "## Where its time goes (means)\n\n" + table(profile.heads(results), profile.time_rows(results)),
        "## The handler in process, two processes, no server\n\n" + _ceiling(results),
    ]
    return "\n\n".join(sections) + "\n"


def write(results: Results, folder: Path) -> list[Path]:
    """Write benchmark.md, benchmark.json and benchmark.png to `folder` and return them."""
    folder.mkdir(parents=True, exist_ok=True)
    text, data, picture = (folder / f"benchmark.{suffix}" for suffix in ("md", "json", "png"))
    text.write_text(markdown(results))
    data.write_text(json.dumps(results.as_json(), indent=1) + "\n")
    _figure(results, picture)
    return [text, data, picture]


def _goals(verdicts: Sequence[Verdict]) -> str:
    return table(("", "measured", "goal", ""), [verdict.row() for verdict in verdicts])


def _load(results: Results, load: tuple[str, int]) -> str:
    rows = []
    for target in results.targets():
        samples = results.of(target, *load)
        if not samples:
            continue
        figures = [results.figure(target, *load, value) for value in (rate, p50, _p99, _server_cpu, _client_cpu)]
        ratio = results.ratio(OURS, target, *load, rate) if target != OURS else None
        texts = [figure.text(1 if index < 1 else 2) if figure else "" for index, figure in enumerate(figures)]
        rows.append((target, *texts, ratio.text() if ratio else "", str(sum(sample.failures for sample in samples))))
    head = ("", "right answers/s", "p50 ms", "p99 ms", "server CPU ms", "client CPU ms", "ours / theirs", "failures")
    return table(head, rows)


def _ceiling(results: Results) -> str:
    rows = [
        (str(ceiling.round), ceiling.kind, f"{ceiling.rate:.1f}", f"{ceiling.cpu_ms:.2f}")
        for ceiling in results.ceilings
    ]
    return table(("round", "images", "images/s", "CPU ms of an image"), rows)


def _title(load: tuple[str, int]) -> str:
    kind, connections = load
    images = "500x375 JPEG" if kind == "photo" else "300x300 PNG cells"
    return f"{images}, {connections} connection{'s' if connections > 1 else ''}"


def _figure(results: Results, path: Path) -> None:
    import matplotlib  # noqa: PLC0415  (half a second, and only this needs it)

    matplotlib.use("agg")
    from matplotlib import pyplot  # noqa: PLC0415

    loads = [load for load in results.loads() if load[0] == "photo"]
    figure, axes = pyplot.subplots(1, 2, figsize=(13, 5))
    for target in results.targets():
        for axis, value in zip(axes, (rate, p50), strict=True):
            spreads = [(load[1], spread) for load in loads if (spread := results.figure(target, *load, value))]
            if spreads:
                medians = [spread.median for _, spread in spreads]
                errors = [
                    [spread.median - spread.low for _, spread in spreads],
                    [spread.high - spread.median for _, spread in spreads],
                ]
                axis.errorbar([at for at, _ in spreads], medians, errors, marker="o", capsize=3, label=target)
    for axis, title in zip(axes, ("right answers a second", "median time to an answer, ms"), strict=True):
        axis.set(xscale="log", xlabel="connections", title=title)
        axis.set_xticks([connections for _, connections in loads], [str(connections) for _, connections in loads])
        axis.grid(alpha=0.3)
    axes[1].set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower center", ncols=4, fontsize=8)
    figure.suptitle("500x375 JPEG; medians, whiskers from the smallest to the largest round")
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _p99(sample: Sample) -> float:
    return sample.p99_ms


def _server_cpu(sample: Sample) -> float:
    return sample.server_cpu_ms


def _client_cpu(sample: Sample) -> float:
    return sample.client_cpu_ms
