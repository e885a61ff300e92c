"""Gauges of one value or of many."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily


def gauge(name: str, says: str, labels: Iterable[str], values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    """Return a metric by the values of its labels; what it says is the help text."""
    family = GaugeMetricFamily(name, says, labels=tuple(labels))
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def one(name: str, says: str, value: float) -> GaugeMetricFamily:
    """Return a metric without labels."""
    return GaugeMetricFamily(name, says, value=value)
