"""What a version did between two looks."""

import math

import pytest

from scripts.serving.exposition import Sample
from scripts.serving.figures import Figures, Look, between, quantile


def look(at_s: float, requests: float, failed: float, within_100_ms: float, queue_us: float) -> Look:
    edge, server = {"version": "1.0"}, {"model_version": "1.0", "hostname": "here"}
    bucket = "envoy_cluster_upstream_rq_time_bucket"
    return Look.of(
        at_s,
        [
            Sample("envoy_cluster_upstream_rq_completed", edge, requests),
            Sample("envoy_cluster_upstream_rq_xx", edge | {"envoy_response_code_class": "2"}, requests - failed),
            Sample("envoy_cluster_upstream_rq_xx", edge | {"envoy_response_code_class": "5"}, failed),
            Sample(bucket, edge | {"le": "100"}, within_100_ms),
            Sample(bucket, edge | {"le": "200"}, requests),
            Sample(bucket, edge | {"le": "+Inf"}, requests),
            Sample("ts_inference_requests_total", server, requests),
            Sample("ts_queue_latency_microseconds", server, queue_us),
            Sample("envoy_server_uptime", {}, at_s),
        ],
    )


def test_rates_are_per_second_and_the_queue_is_a_mean() -> None:
    before, after = look(10, 100, 0, 100, 5e6), look(20, 300, 4, 250, 6e6)
    done = between(before, after, "1.0")
    assert (done.requests_per_s, done.failed_per_s, done.queue_ms) == (20.0, 0.4, 5.0)
    # 150 of the 200 took up to 100 ms; the 190th is four fifths of the way through the other 50.
    assert done.p95_ms == pytest.approx(180)


def test_a_version_that_answered_nothing_has_no_latency() -> None:
    same = look(10, 100, 0, 100, 5e6)
    assert between(same, Look(12, same.values), "1.0") == Figures(0.0, 0.0, None, None, None)
    assert between(same, Look(12, same.values), "2.0") == Figures(0.0, 0.0, None, None, None)


def test_a_server_that_was_started_anew_counts_from_zero() -> None:
    done = between(look(10, 1000, 10, 1000, 9e9), look(12, 20, 0, 20, 2e5), "1.0")
    assert (done.requests_per_s, done.failed_per_s, done.queue_ms) == (10.0, 0.0, 10.0)


@pytest.mark.parametrize(
    ("share", "buckets", "value"),
    [
        (0.5, {10: 10, 20: 20, math.inf: 20}, 10),
        (0.75, {10: 10, 20: 20, math.inf: 20}, 15),
        (0.5, {10: 10, math.inf: 10}, 5),
        (0.99, {10: 10, 20: 20, math.inf: 40}, 20),
        (0.5, {10: 0, math.inf: 0}, None),
        (0.5, {}, None),
    ],
)
def test_a_quantile_is_linear_within_a_bucket_and_ends_with_the_last_finite_one(
    share: float, buckets: dict[float, float], value: float | None
) -> None:
    assert quantile(share, buckets) == value
