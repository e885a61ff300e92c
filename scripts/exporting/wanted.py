"""What is wanted of the release, as metrics: the weights of traffic.yaml, and how far a canary is."""

from collections.abc import Iterator, Mapping
from typing import get_args

from prometheus_client.core import GaugeMetricFamily

from scripts.canarying.record import Record, State
from scripts.exporting.gauges import gauge


def of_weights(split: Mapping[str, int]) -> Iterator[GaugeMetricFamily]:
    """Give what traffic.yaml wants, from percent by version."""
    yield gauge(
        "release_weight_ratio",
        "Share of the traffic that traffic.yaml wants for a version",
        ("version",),
        {(version,): weight / 100 for version, weight in split.items()},
    )


def of_canary(canary: Record) -> Iterator[GaugeMetricFamily]:
    """Give how far a canary is."""
    version = canary.plan.version
    yield gauge("release_canary_percent", "Traffic of the canary", ("version",), {(version,): canary.percent})
    yield gauge(
        "release_canary_state",
        "1 for the state that the canary is in",
        ("version", "state"),
        {(version, state): float(state == canary.shown) for state in (*get_args(State), "abandoned")},
    )
