"""What counts as answered in a step."""

from pathlib import Path

from scripts.canarying.looking import Look
from scripts.canarying.plan import Plan
from scripts.canarying.record import Record
from scripts.reporting.collect import Asked, collect
from scripts.serving.processes import Record as Process
from tests.scripts.reporting.written import request, write


def answered(run: Path, percent: int) -> int:
    """Return it at one step of a canary beside 1.0, which has 60, gives first, and 0.9, which has 40."""
    plan = Plan("2.0", {"1.0": 60, "0.9": 40}, (50, 80, 100), copied=0, requests=300, hold_s=0, disagreement=0.1)
    weights = plan.split(percent)
    report = collect(Asked([run], weights, False, run, "mobilenet_v3", baseline="1.0", candidate="2.0"))
    return Look(report, ready=True).answered(Record(plan, "step", percent, "", 0.0, Process(1, 0.0)))


def test_beside_the_baseline_only_what_the_split_drew_counts(tmp_path: Path) -> None:
    lines = [request(str(number), "1.0" if number % 2 else "2.0", number) for number in range(100)]
    lines += [request(f"tester-{number}", "2.0", number, route="pinned") for number in range(30)]
    write(tmp_path / "access.log", lines)
    assert answered(tmp_path, 50) == 50


def test_a_step_that_leaves_the_baseline_nothing_ends_all_the_same(tmp_path: Path) -> None:
    lines = [request(str(number), "0.9" if number % 5 == 0 else "2.0", number) for number in range(100)]
    write(tmp_path / "access.log", [request("early", "1.0", -100), *lines])
    assert answered(tmp_path, 80) == 80
