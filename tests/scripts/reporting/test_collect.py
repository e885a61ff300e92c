"""What a report takes from the logs."""

import time
from pathlib import Path

from scripts.reporting.collect import Asked, Report, collect
from tests.scripts.reporting.written import START, request, write


def collected(run: Path, since_s: float = 0.0) -> Report:
    """Return the report on a run whose split is half and half and not sticky."""
    split = {"1.0": 50, "2.0": 50}
    return collect(Asked([run], split, sticky=False, model_store=run, model="mobilenet_v3", since_s=since_s))


def test_who_comes_back_with_a_cookie_is_no_draw_of_its_own(tmp_path: Path) -> None:
    """A browser with a thousand requests was drawn with its first, and keeps that version."""
    lines = [request(str(number), "1.0" if number % 2 else "2.0", number) for number in range(200)]
    lines += [request(f"again{number}", "2.0", number, route="kept") for number in range(1000)]
    write(tmp_path / "access.log", lines)
    found = collected(tmp_path)
    assert found.ratio.observed == {"1.0": 100, "2.0": 100}
    assert found.compared["errors"].outcomes.candidate.of == 1100


def test_what_was_logged_before_a_time_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "access.log", [request(str(number), "1.0", number) for number in range(10)])
    assert [one.requests for one in collected(tmp_path, START.timestamp() + 4).versions] == [6]
    assert collected(tmp_path, time.time() + 60).versions == []


def test_what_was_refused_for_who_asked_or_how_often_says_nothing_of_a_version(tmp_path: Path) -> None:
    """The edge has drawn a version by then, which its line names."""
    lines = [request(str(number), "1.0" if number % 2 else "2.0", number) for number in range(100)]
    lines += [request(f"refused{number}", "2.0", number, status=429) for number in range(1000)]
    lines += [request(f"unknown{number}", "2.0", number, status=401) for number in range(10)]
    write(tmp_path / "access.log", lines)
    found = collected(tmp_path)
    assert found.compared["errors"].outcomes.candidate.of == 50
    assert found.ratio.observed == {"1.0": 50, "2.0": 50}
    assert found.edge == {401: 10, 429: 1000}


def test_what_the_edge_had_no_place_for_was_drawn_and_is_no_error_of_its_version(tmp_path: Path) -> None:
    lines = [request(str(number), "1.0" if number % 2 else "2.0", number) for number in range(200)]
    lines += [request(f"full{number}", "1.0", number, status=503, flags="UO") for number in range(50)]
    lines += [request(f"copy{number}", "2.0", number, status=503, flags="DI,UO", shadow=True) for number in range(9)]
    write(tmp_path / "access.log", lines)
    found = collected(tmp_path)
    assert found.ratio.observed == {"1.0": 150, "2.0": 100}
    assert found.compared["errors"].outcomes.baseline.of == 100
    assert found.compared["errors"].outcomes.baseline.count == 0
