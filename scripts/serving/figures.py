"""What a version did between two looks at the metrics ports: requests, errors, latency, queue."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.errors import UserError
from scripts.serving import loopback
from scripts.serving.exposition import Sample, parse
from scripts.serving.loopback import NoAnswer
from scripts.serving.places import Ports

_TIMEOUT_S = 5.0
_BUCKETS = "envoy_cluster_upstream_rq_time_bucket"
_REQUESTS = "envoy_cluster_upstream_rq_completed"
_FAILED = "envoy_cluster_upstream_rq_xx"
_QUEUED, _QUEUE_US = "ts_inference_requests_total", "ts_queue_latency_microseconds"


@dataclass(frozen=True)
class Look:
    """Both ports at one moment.

    Attributes:
        at_s: of a clock that only goes forward.
        values: counters by metric, version and the label that tells its series apart (`le`, a class of statuses).
    """

    at_s: float
    values: Mapping[tuple[str, str, str], float]

    @classmethod
    def take(cls, ports: Ports) -> "Look":
        """Return what TorchServe and Envoy say now.

        Raises:
            UserError: one of them does not answer.
        """
        return cls._at(f"127.0.0.1:{ports.metrics}/metrics", f"127.0.0.1:{ports.admin}/stats/prometheus")

    @classmethod
    def of_edge(cls, ports: Ports) -> "Look":
        """Return what Envoy alone says now of its versions: no queue; raises as `take` does."""
        return cls._at(f"127.0.0.1:{ports.admin}/stats/prometheus?filter=%5Ecluster%5C.version-")

    @classmethod
    def _at(cls, *pages: str) -> "Look":
        return cls.of(time.monotonic(), [sample for page in pages for sample in parse(_read(f"http://{page}"))])

    @classmethod
    def of(cls, at_s: float, samples: list[Sample]) -> "Look":
        """Return the look of these samples; those without a version are left out."""
        values: dict[tuple[str, str, str], float] = {}
        for sample in samples:
            labels = sample.labels
            version = labels.get("version") or labels.get("model_version") or labels.get("ModelVersion")
            if version:
                key = sample.name, version, labels.get("le") or labels.get("envoy_response_code_class") or ""
                values[key] = values.get(key, 0.0) + sample.value
        return cls(at_s, values)

    def requests(self, version: str) -> int:
        """Return how many requests `version` has answered since the edge's start, a shadow's copies too."""
        return round(self.values.get((_REQUESTS, version, ""), 0.0))

    def failed(self, version: str) -> int:
        """Return how many of these it answered with 5xx."""
        return round(self.values.get((_FAILED, version, "5"), 0.0))


@dataclass(frozen=True)
class Figures:
    """One version between two looks; None where it answered nothing.

    Attributes:
        requests_per_s: answered, a shadow's copies too.
        failed_per_s: of these, with 5xx.
        p50_ms: as the edge sees it, queue included.
        p95_ms: the same.
        queue_ms: mean wait for a worker.
    """

    requests_per_s: float
    failed_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    queue_ms: float | None


def between(before: Look, after: Look, version: str) -> Figures:
    """Return what `version` did from one look to a later one."""
    seconds = after.at_s - before.at_s

    def change(name: str, series: str = "") -> float:
        key = name, version, series
        now, then = after.values.get(key, 0.0), before.values.get(key, 0.0)
        return now - then if now >= then else now  # A server that was started anew counts from 0.

    buckets = {
        float(series): change(name, series)
        for name, of, series in after.values
        if name == _BUCKETS and of == version and series
    }
    queued = change(_QUEUED)
    return Figures(
        requests_per_s=change(_REQUESTS) / seconds,
        failed_per_s=change(_FAILED, "5") / seconds,
        p50_ms=quantile(0.5, buckets),
        p95_ms=quantile(0.95, buckets),
        queue_ms=change(_QUEUE_US) / queued / 1000 if queued else None,
    )


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """Return the value below which `share` of the observations lie; None without any.

    As PromQL's histogram_quantile: linear within a bucket, and the last finite bound for what lies above it.

    Args:
        share: 0 to 1.
        buckets: upper bound, infinity among them, → number of observations up to it.
    """
    total = buckets.get(math.inf, 0.0)
    if not total:
        return None
    rank = share * total
    low, below = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= rank:
            return low if math.isinf(bound) else low + (bound - low) * (rank - below) / ((count - below) or 1.0)
        low, below = bound, count
    return low


def _read(url: str) -> str:
    try:
        return loopback.ask("GET", url, _TIMEOUT_S).text
    except NoAnswer as error:
        raise UserError(f"{url} does not answer; `make status` says what runs.") from error
