"""What TorchServe and the handler count of themselves, between two looks at the metrics port."""

from dataclasses import dataclass

import requests

from scripts.serving import exposition


@dataclass(frozen=True)
class Source:
    """One version's metrics at one metrics port."""

    url: str
    version: str

    def read(self) -> dict[str, float]:
        """Return every value of this version by name."""
        return parse(requests.get(self.url, timeout=10).text, self.version)


def parse(text: str, version: str) -> dict[str, float]:
    """Return the values of one version by name, out of Prometheus' text format."""
    return {
        sample.name: sample.value
        for sample in exposition.parse(text)
        if version in (sample.labels.get("ModelVersion"), sample.labels.get("model_version"))
        and "le" not in sample.labels
    }


def between(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return the means between two looks: requests in a batch, and ms that each spends in the queue and the handler.

    A request waits for its whole batch, so the handler's times are the batch's.
    """
    change = {name: value - before.get(name, 0.0) for name, value in after.items()}
    batches, count = change.get("BatchSize_count", 0.0), change.get("ts_inference_requests_total", 0.0)
    if not batches or not count:
        return {}
    return {
        "requests in a batch": change["BatchSize_sum"] / batches,
        "queue ms": change["ts_queue_latency_microseconds"] / count / 1e3,
        "preprocess ms": 1e3 * change["PreprocessTime_sum"] / batches,
        "infer ms": 1e3 * change["InferenceTime_sum"] / batches,
    }
