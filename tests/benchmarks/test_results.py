import pytest

from benchmarks import goals, report
from benchmarks.results import FASTAPI, OURS, OURS_DIRECT, CeilingSample, Results, Sample
from scripts.spread import Spread


def sample(number: int, target: str, rate: float, connections: int = 16, p50_ms: float = 10.0) -> Sample:
    return Sample(number, "photo", connections, target, rate, 0, p50_ms, 2 * p50_ms, 3 * p50_ms, {"server": 5.0}, 0.1)


def verdict(results: Results, text: str) -> goals.Verdict:
    return next(verdict for verdict in goals.judge(results) if verdict.goal.text == text)


def test_ratios_pair_the_samples_of_one_round() -> None:
    # The machine was twice as slow in the second round, for both.
    results = Results({}, [sample(0, OURS, 200), sample(0, FASTAPI, 100), sample(1, FASTAPI, 50), sample(1, OURS, 100)])
    assert results.ratio(OURS, FASTAPI, "photo", 16, goals.rate) == Spread(2.0, 2.0, 2.0, 2)


def test_a_round_in_which_the_peer_answered_nothing_gives_no_ratio() -> None:
    results = Results({}, [sample(0, OURS, 200), sample(0, FASTAPI, 0), sample(1, OURS, 90), sample(1, FASTAPI, 60)])
    assert results.ratio(OURS, FASTAPI, "photo", 16, goals.rate) == Spread(1.5, 1.5, 1.5, 1)


def test_what_was_not_measured_is_not_met() -> None:
    assert not any(verdict.met for verdict in goals.judge(Results({})))


def test_a_lower_limit_is_met_from_the_median_on() -> None:
    results = Results({}, [sample(0, OURS, 160), sample(0, FASTAPI, 100)])
    assert verdict(results, "throughput, 16 connections / FastAPI + ONNX Runtime").met


def test_an_upper_limit_is_missed_above_it() -> None:
    results = Results({}, [sample(0, OURS, 1, 1, 10.6), sample(0, OURS_DIRECT, 1, 1, 10.0)])
    assert verdict(results, "edge's own cost, median at 1 connection").row()[1:] == (
        "0.60 (0.60 to 0.60) ms",
        "at most 0.5 ms",
        "missed",
    )


def test_cpu_outside_the_handler_is_the_servers_less_the_handlers() -> None:
    results = Results({}, [sample(0, OURS, 100, 64)], [CeilingSample(0, "photo", 125.0, 3.5)])
    found = verdict(results, "CPU of a request outside the handler, 64 connections").figure
    assert found is not None
    assert found.median == pytest.approx(1.5)


def test_the_tables_name_goal_and_figure_of_every_target() -> None:
    results = Results({"cores": 2}, [sample(0, OURS, 160), sample(0, FASTAPI, 100)])
    text = report.markdown(results)
    assert (
        "| throughput, 16 connections / FastAPI + ONNX Runtime | 1.60 (1.60 to 1.60) x | at least 1.6 x | met |" in text
    )
    assert "| FastAPI + ONNX Runtime | 100.0 (100.0 to 100.0) |" in text
    assert "not measured" in text
