"""Measured figures for a person: a block for each graph, a line for each figure."""

from collections.abc import Iterator, Mapping, Sequence

from scripts.pipeline.gate import Verdict
from scripts.pipeline.measured import Measured
from scripts.pipeline.metrics import Metrics
from scripts.pipeline.proportion import Proportion
from scripts.pipeline.spec_gate import Gate

# Of a thousand labels, those that a threshold could be about.
_WORST_LABELS = 5


def verdict_text(verdict: Verdict) -> str:
    """Return a block for each graph with the thresholds beside the figures, and what was not measured."""
    blocks = [measured_text(graph, found, verdict.thresholds) for graph, found in verdict.measured.items()]
    blocks += [f"{arithmetic} arithmetic: unmeasured: {why}" for arithmetic, why in verdict.unmeasured.items()]
    return "\n".join(blocks)


def measured_text(title: str, found: Measured, thresholds: Gate | None = None) -> str:
    """Return one block; `title` says what was measured."""
    computed = f"{found.arithmetic or 'unknown'} arithmetic ({found.instructions or 'CPU unknown'})"
    limits = _limits(thresholds)
    lines = [
        f"  {name:<18} {figure}" + (f"   [{limits[key]}]" if key in limits else "")
        for name, figure, key in _lines(found)
    ]
    return "\n".join([f"{title}: {found.metrics.accuracy.of} images, computed in {computed}", *lines])


def _lines(found: Measured) -> Iterator[tuple[str, str, str]]:
    """Each figure: name, text, and the key of the spec that limits it."""
    metrics = found.metrics
    yield "accuracy", _share(metrics.accuracy), "min_accuracy"
    for group, of_group in found.groups.items():
        yield f"  {group}", _share(of_group.accuracy), ""
    worst_first = sorted(metrics.recall, key=lambda label: metrics.recall[label].share)
    for label in worst_first[:_WORST_LABELS]:
        yield f"recall {label}", _share(metrics.recall[label]), "min_recall" if label == worst_first[0] else ""
    yield "ROC-AUC", _area(metrics), ""
    for group, of_group in found.groups.items():
        yield f"  {group}", _area(of_group), ""
    yield "calibration error", f"{metrics.calibration_error:.2%}", "max_calibration_error"
    if found.paired:
        paired, (low, high) = found.paired, found.paired.drop_95
        yield "drop from float32", f"{paired.drop:.2%} ({low:.2%} to {high:.2%})", "max_drop"
        yield "  McNemar", f"p = {paired.mcnemar_p:.2g}: {paired.lost} lost, {paired.won} won", ""
        yield "same label", _share(paired.agreement), "min_agreement"
    for batch, latency in found.latency.items():
        spread = f"quartiles {latency.quartiles[0]:.2f} to {latency.quartiles[1]:.2f}"
        ratio = f"{latency.ratio:.2f} of float32's time ({spread}), {latency.ms:.2f} ms an image"
        yield f"latency, batch {batch}", ratio, "max_latency_ratio"


def confusion_text(metrics: Metrics, labels: Sequence[str]) -> str:
    """Return how the images of each label were called, a line for each."""
    return "\n".join(
        f"  {label}: " + ", ".join(f"{count} called {other}" for other, count in zip(labels, row, strict=True))
        for label, row in zip(labels, metrics.confusion, strict=True)
    )


def _limits(thresholds: Gate | None) -> Mapping[str, str]:
    """Each threshold that demands something, by its key."""
    if thresholds is None:
        return {}
    set_ones = {key: value for key, value in thresholds.model_dump().items() if value is not None}
    return {
        key: f"{key} {value:.2f}" if key.endswith("ratio") else f"{key} {value:.2%}" for key, value in set_ones.items()
    }


def _share(found: Proportion) -> str:
    low, high = found.interval_95
    return f"{found.share:.2%} ({low:.2%} to {high:.2%}) of {found.of}"


def _area(metrics: Metrics) -> str:
    return "none: one label only" if metrics.roc_auc is None else f"{metrics.roc_auc:.4f}"
