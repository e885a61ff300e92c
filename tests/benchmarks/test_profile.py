from pathlib import Path

import pytest

from benchmarks import profile, stages
from benchmarks.results import OURS, Results, Sample
from benchmarks.server_metrics import between, parse
from handler.service import Service
from handler.settings import Settings

METRICS = """# HELP BatchSize_count
BatchSize_count{ModelName="m",ModelVersion="2.0",Arithmetic="int8",} 10.0
BatchSize_sum{ModelName="m",ModelVersion="2.0",Arithmetic="int8",} 40.0
BatchSize_bucket{ModelName="m",ModelVersion="2.0",le="0.5",} 3.0
BatchSize_sum{ModelName="m",ModelVersion="1.0",Arithmetic="fp32",} 7.0
PreprocessTime_sum{ModelName="m",ModelVersion="2.0",} 0.1
InferenceTime_sum{ModelName="m",ModelVersion="2.0",} 0.2
ts_queue_latency_microseconds{model_name="m",model_version="2.0",hostname="vm",} 80000.0
ts_inference_requests_total{model_name="m",model_version="2.0",hostname="vm",} 40.0
CPUUtilization{Level="Host",} 50.0
"""


def test_metrics_of_one_version_are_read_and_no_buckets() -> None:
    values = parse(METRICS, "2.0")
    assert values["BatchSize_sum"] == 40.0
    assert set(values) == {
        "BatchSize_count",
        "BatchSize_sum",
        "PreprocessTime_sum",
        "InferenceTime_sum",
        "ts_queue_latency_microseconds",
        "ts_inference_requests_total",
    }


def test_means_are_taken_between_two_looks() -> None:
    after = parse(METRICS, "2.0")
    assert between({}, after) == pytest.approx(
        {"requests in a batch": 4.0, "queue ms": 2.0, "preprocess ms": 10.0, "infer ms": 20.0}
    )
    assert between(after, after) == {}


def test_the_stages_are_the_handlers_own_and_it_is_left_as_it_was(int8_folder: Path, cells: list[bytes]) -> None:
    service = Service.load(int8_folder, Settings())
    before = {stage: vars(owner)[name] for stage, (owner, name) in stages.FUNCTIONS.items()}
    found = stages.measure(service, cells, 4, 0.2)
    assert set(found) == {*stages.FUNCTIONS, stages.INFER, stages.REST}
    assert all(value > 0 for value in found.values())
    assert {stage: vars(owner)[name] for stage, (owner, name) in stages.FUNCTIONS.items()} == before
    assert "logits" not in vars(service.engine)


def test_the_parts_of_a_request_add_up_to_what_the_server_used() -> None:
    cpu_ms = {"edge": 0.5, "front end": 1.0, "workers": 6.0}
    sample = Sample(0, "photo", 1, OURS, 100.0, 0, 9.0, 10.0, 11.0, cpu_ms, 0.1)
    results = Results({}, [sample], stages={1: [{"decode": 2.0, "infer": 3.0}]})
    rows = dict(profile.cpu_rows(results))
    assert rows["worker: TorchServe's protocol and metrics"] == "1.00"
    assert rows["**together**"] == "7.50"
