"""The handler's figures in TorchServe's metrics, once a batch: each update is a line that the front end parses."""

from typing import Any

from ts.metrics.metric_type_enum import MetricTypes

from handler.service import BatchReport

DIMENSIONS = ("ModelName", "ModelVersion", "Arithmetic", "Level")
# The front end's histogram buckets are fixed, 0.005 to 10: right for seconds, and for batches of up to 10.
METRICS = {
    "PreprocessTime": ("seconds", MetricTypes.HISTOGRAM),
    "InferenceTime": ("seconds", MetricTypes.HISTOGRAM),
    "BatchSize": ("count", MetricTypes.HISTOGRAM),
    "Images": ("count", MetricTypes.COUNTER),
    "BadImages": ("count", MetricTypes.COUNTER),
}


class BatchMetrics:
    """Writes one batch after the other, under one version and arithmetic."""

    def __init__(self, cache: Any, model: str, version: str, arithmetic: str) -> None:
        """Declare the metrics in TorchServe's `cache` (`context.metrics`)."""
        self._values = [model, version, arithmetic, "Model"]
        self._metrics = {
            name: cache.add_metric_to_cache(name, unit, list(DIMENSIONS), kind)
            for name, (unit, kind) in METRICS.items()
        }

    def write(self, batch: BatchReport) -> None:
        """Report one batch."""
        for name, value in (
            ("PreprocessTime", batch.preprocess_s),
            ("InferenceTime", batch.inference_s),
            ("BatchSize", batch.requests),
            ("Images", batch.images),
            ("BadImages", batch.bad),
        ):
            self._metrics[name].add_or_update(value, self._values)
