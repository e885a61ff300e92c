"""Which versions can't keep their workers, by what TorchServe says of them."""

from scripts.serving.crash_loops import DEATHS, READY_WITHIN_S, STEADY_S, WITHIN_S, CrashLoops
from scripts.serving.management import READY, Description


def described(processes: dict[str, int], *, ready: bool = True, wanted: int | None = None) -> dict[str, Description]:
    """Return what TorchServe says when 2.0 has these processes by the workers' names."""
    states = (READY if ready else "WORKER_STOPPED",) * len(processes)
    return {"2.0": Description("2.0", states, wanted or len(processes), 8, 1, 60, 0, processes)}


def dying(loops: CrashLoops, deaths: int, every_s: float = 5.0) -> float:
    """Let the worker die so often; return the time then."""
    for number in range(deaths + 1):
        loops.see(number * every_s, described({"9000": 100 + number}))
    return deaths * every_s


def test_a_worker_that_dies_three_times_within_a_minute_makes_its_version_fail() -> None:
    loops = CrashLoops()
    now_s = dying(loops, DEATHS)
    assert loops.failing(now_s) == {"2.0": "its workers ended 3 times within 60 s"}


def test_fewer_deaths_or_rare_ones_are_accidents() -> None:
    seldom, few = CrashLoops(), CrashLoops()
    assert few.failing(dying(few, DEATHS - 1)) == {}
    assert seldom.failing(dying(seldom, DEATHS + 2, every_s=WITHIN_S / 2)) == {}


def test_workers_that_are_scaled_or_have_no_process_yet_are_no_deaths() -> None:
    loops = CrashLoops()
    for second, workers in enumerate(
        [
            {"9000": -1},
            {"9000": 1},
            {"9000": 1, "9001": -1},
            {"9000": 1, "9001": 2},
            {"9001": 2},
            {"9001": 2, "9002": 3},
        ]
    ):
        loops.see(second, described(workers))
    loops.see(10, {})
    loops.see(11, described({"9003": 9}))
    assert loops.failing(11) == {}


def test_a_version_that_was_put_back_begins_anew() -> None:
    loops = CrashLoops()
    now_s = dying(loops, DEATHS)
    loops.pardon("2.0")
    assert loops.failing(now_s) == {}


def test_a_torchserve_that_was_started_again_is_no_death() -> None:
    loops = CrashLoops()
    for second in range(DEATHS + 1):
        loops.see(second, described({"9000": 100 + second}))
        loops.forget()
    assert loops.failing(DEATHS) == {}


def test_a_version_without_a_ready_worker_for_long_fails_unless_it_is_to_have_none() -> None:
    loops, none = CrashLoops(), CrashLoops()
    for second in range(int(READY_WITHIN_S)):
        assert loops.failing(second) == {}
        loops.see(second, described({"9000": 1}, ready=second == 0))
        none.see(second, {"2.0": Description("2.0", (), 0, 8, 1, 60, 0, {})})
    assert loops.failing(READY_WITHIN_S) == {"2.0": "it has had no ready worker for 30 s"}
    assert none.failing(READY_WITHIN_S) == {}


def test_it_may_come_back_when_its_workers_have_lived_and_later_each_time() -> None:
    loops = CrashLoops()
    died_s = dying(loops, DEATHS)
    assert loops.ejected(died_s, "2.0") == STEADY_S
    workers = {"9000": 100 + DEATHS}
    loops.see(died_s + STEADY_S - 1, described(workers))
    assert not loops.steady(died_s + STEADY_S - 1, "2.0")
    loops.see(died_s + STEADY_S, described(workers, ready=False))
    assert not loops.steady(died_s + STEADY_S, "2.0")
    loops.see(died_s + STEADY_S, described(workers))
    assert loops.steady(died_s + STEADY_S, "2.0")
    assert loops.ejected(died_s, "2.0") == 2 * STEADY_S
    assert not loops.steady(died_s + STEADY_S, "2.0")
