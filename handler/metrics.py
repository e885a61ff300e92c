"""The handler's figures in TorchServe's metrics: each update is a line that the front end parses, so once a batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ts.metrics.metric_type_enum import MetricTypes

from handler.errors import DeadlineExceeded, DigestError
from handler.service import BatchReport

DIMENSIONS = ("ModelName", "ModelVersion", "Arithmetic", "Level")
# The front end's histogram buckets are fixed, 0.005 to 10: right for seconds, and for batches of up to 10.
METRICS = {
    "PreprocessTime": ("seconds", MetricTypes.HISTOGRAM),
    "InferenceTime": ("seconds", MetricTypes.HISTOGRAM),
    "BatchSize": ("count", MetricTypes.HISTOGRAM),
    "Images": ("count", MetricTypes.COUNTER),
    "BadImages": ("count", MetricTypes.COUNTER),
    "PredictionLinesDropped": ("count", MetricTypes.COUNTER),
    "HarvestDropped": ("count", MetricTypes.COUNTER),
    "ExpiredRequests": ("count", MetricTypes.COUNTER),
}
# Written only where there is something to count.
RARE = ("PredictionLinesDropped", "HarvestDropped", "ExpiredRequests")


class BatchMetrics:
    """Writes one batch after the other, under one version and arithmetic."""

    def __init__(self, cache: Any, model: str, version: str, arithmetic: str) -> None:
        """Declare the metrics in TorchServe's `cache` (`context.metrics`)."""
        self._values = [model, version, arithmetic, "Model"]
        self._metrics = {
            name: cache.add_metric_to_cache(name, unit, list(DIMENSIONS), kind)
            for name, (unit, kind) in METRICS.items()
        }
        # Makes the series: Prometheus sees no rise in one whose first value is what was counted.
        for name in RARE:
            self._metrics[name].add_or_update(0, self._values)

    def write(self, batch: BatchReport, lines_dropped: int = 0, images_dropped: int = 0) -> None:
        """Report one batch, and what the prediction log and the harvest have dropped since the one before."""
        expired = sum(isinstance(outcome, DeadlineExceeded) for _, outcome, _ in batch.outcomes)
        for name, count in zip(RARE, (lines_dropped, images_dropped, expired), strict=True):
            if count:
                self._metrics[name].add_or_update(count, self._values)
        for name, value in (
            ("PreprocessTime", batch.preprocess_s),
            ("InferenceTime", batch.inference_s),
            ("BatchSize", batch.requests),
            ("Images", batch.images),
            ("BadImages", batch.bad),
        ):
            self._metrics[name].add_or_update(value, self._values)


@contextmanager
def counting_digest_mismatches(cache: Any, model: str, version: str) -> Iterator[None]:
    """Count a DigestError that ends the block, under the archive's `model` and `version`, and let it go on its way.

    The block begins with a 0, which makes the series: Prometheus sees no rise in one whose first value is 1.

    Args:
        cache: TorchServe's (`context.metrics`).
        model: by the archive's manifest, because model.json may be what was changed.
        version: as `model`.
    """
    # Declared here, whatever TorchServe's metrics file says: looking up a metric that it lacks would raise.
    counter = cache.add_metric_to_cache(
        "ArchiveDigestMismatches", "count", ["ModelName", "ModelVersion", "Level"], MetricTypes.COUNTER
    )
    values = [model, version, "Model"]
    counter.add_or_update(0, values)
    try:
        yield
    except DigestError:
        counter.add_or_update(1, values)
        raise
