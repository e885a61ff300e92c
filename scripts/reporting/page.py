"""report.html: one file that needs no other, light or dark, on a phone or a wall."""

from pathlib import Path

import jinja2

from scripts.reporting import figures
from scripts.reporting.collect import Report
from scripts.reporting.verdict import described
from scripts.reporting.versions import anytime_95

_KINDS = {"promote": "good", "roll back": "bad", "the split is broken": "bad"}


def html(report: Report) -> str:
    """Return the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    environment.filters |= {"percent": lambda share: f"{100 * share:.2f} %", "number": lambda count: f"{count:,}"}
    compared = [one for one in report.compared.values() if one.seen]
    answered = any(one.classes for one in report.versions)
    drawn = [one for one in compared if len(one.outcomes.differences)]
    return environment.get_template("report.html.jinja").render(
        report=report,
        kind=_KINDS.get(report.verdict.decision, "open"),
        names=figures.NAMES,
        compared=[(one, described(one, report.pair)) for one in compared] if report.pair else [],
        anytime_95=anytime_95,
        differences=figures.differences(report.compared) if drawn else "",
        courses=[figures.course(one) for one in drawn if one.of != "slow"],
        split=figures.split(report.ratio) if report.ratio.observed else "",
        latency=figures.latency(report.versions) if any(one.latency_ms for one in report.versions) else "",
        class_mix=figures.class_mix(report.versions, report.references) if answered else "",
        confidence=figures.confidence(report.versions, report.references) if answered else "",
    )
