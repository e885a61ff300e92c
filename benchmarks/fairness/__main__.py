"""Measures what callers notice of a greedy key; see docs/access.md."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import fairness
from benchmarks.fairness import Seen
from benchmarks.results import RESULTS
from scripts import cli
from scripts.markdown import table


def main(output: Annotated[Path, typer.Option(help="Folder for the table.")] = RESULTS) -> None:
    """Measure, print the table and write it to a folder."""
    rows = [_row(seen) for seen in fairness.measure()]
    columns = (
        "`at_once`",
        "refused, the greedy one",
        "others' p50 ms",
        "p95 ms",
        "failures",
        "greedy: answers/s",
        "refusals/s",
    )
    text = f"# Fairness\n\nWritten by `python -m benchmarks.fairness`.\n\n{table(columns, rows)}\n"
    output.mkdir(parents=True, exist_ok=True)
    (output / "fairness.md").write_text(text)
    print(text)


def _row(seen: Seen) -> tuple[str, ...]:
    bound = "null" if seen.at_once is None else str(seen.at_once)
    times = (
        f"{seen.percentile(50):.0f}",
        f"{seen.percentile(95):.0f}",
        f"{seen.polite_failures} of {len(seen.polite_ms)}",
    )
    if not seen.greedy:
        return "no greedy key", "", *times, "", ""
    return bound, seen.greedy, *times, f"{seen.answered:.0f}", f"{seen.refused:.0f}"


if __name__ == "__main__":
    cli.run(main)
