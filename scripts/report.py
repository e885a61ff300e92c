"""Say what the logs know of two versions, and whether that is enough to decide: `make report`.

    python -m scripts.report run --labels labels.csv

Writes report.html and report.json and prints the verdict. Its content: `scripts.reporting.collect`; how to read it:
docs/report.md.
"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.reporting import page
from scripts.reporting.collect import SLOW_RATIO, Asked, collect
from scripts.reporting.comparison import TOLERATED
from scripts.serving import traffic
from scripts.serving.places import REPOSITORY, Places, shown


def main(  # noqa: PLR0913, PLR0917
    folders: Annotated[list[Path] | None, typer.Argument(help="run folders of servers; RUN_DIR without any")] = None,
    labels: Annotated[Path | None, typer.Option(help="labels.csv: `request_id,label` or `image,label`")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for report.html and report.json; RUN_DIR/report")] = None,
    version: Annotated[
        str | None, typer.Option(help="the candidate; else the one with the second largest weight")
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="else the version with the largest weight")] = None,
    model: Annotated[
        str, typer.Option(envvar="MODEL", help="a folder of models/, whose archives are served")
    ] = DEFAULT_MODEL,
    tolerated_errors: Annotated[float, typer.Option(help="percentage points more errors")] = 100 * TOLERATED["errors"],
    tolerated_slow: Annotated[float, typer.Option(help="percentage points more slow answers")] = 100
    * TOLERATED["slow"],
    tolerated_wrong: Annotated[float, typer.Option(help="percentage points more wrong answers")] = 100
    * TOLERATED["wrong"],
    slow_ratio: Annotated[float, typer.Option(help="slow: longer than this times the baseline's p95")] = SLOW_RATIO,
    no_labels: Annotated[
        bool, typer.Option("--no-labels", help="leave accuracy out of the verdict where there are no labels")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Compare the versions that share traffic, and say what to do."""
    places = Places.from_environment(os.environ)
    wanted = traffic.read(places.traffic)
    tolerated = _shares(errors=tolerated_errors, slow=tolerated_slow, wrong=tolerated_wrong)
    if not slow_ratio >= 1:
        raise UserError(f"--slow-ratio {slow_ratio:g}: use 1 or more.")
    found = collect(
        Asked(
            folders=folders or [places.run],
            labels=labels,
            baseline=baseline,
            candidate=version,
            split=wanted.split,
            sticky=wanted.sticky_header is not None,
            model_store=places.model_store,
            model=Spec.load(REPOSITORY / MODELS / model).name,
            tolerated=tolerated,
            slow_ratio=slow_ratio,
            without_labels=no_labels,
        )
    )
    folder = out or places.run / "report"
    content = json.dumps(found.as_json(), indent=1) + "\n"
    html = page.html(found)
    replace_file(folder / "report.json", content)
    replace_file(folder / "report.html", html)
    if as_json:
        print(content, end="")
        return
    print(found.verdict.text)
    for each in found.malformed:
        print(f"left out: {each.text}")
    print(shown((folder / "report.html").resolve()))


def _shares(**points: float) -> dict[str, float]:
    """Return percentage points as shares of 1, by what they are of."""
    for kind, each in points.items():
        if not 0 < each < 100:  # noqa: PLR2004
            raise UserError(f"--tolerated-{kind} {each:g}: use percentage points above 0 and below 100.")
    return {kind: each / 100 for kind, each in points.items()}


if __name__ == "__main__":
    cli.run(main)
