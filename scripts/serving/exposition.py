"""Prometheus' text format, read: https://prometheus.io/docs/instrumenting/exposition_formats/."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LINE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: -?\d+)?")
_LABEL = re.compile(r'(?P<name>\w+)="(?P<value>(?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Sample:
    """One value of one metric."""

    name: str
    labels: Mapping[str, str]
    value: float


def parse(text: str) -> list[Sample]:
    """Return the samples of a page, in its order; comments and whatever is no sample are left out."""
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return [Sample(match["name"], _labels(match["labels"] or ""), float(match["value"])) for match in matches if match]


def _labels(text: str) -> dict[str, str]:
    return {match["name"]: _ESCAPE.sub(_unescaped, match["value"]) for match in _LABEL.finditer(text)}


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
