from collections import Counter
from collections.abc import Callable
from itertools import chain, repeat

import pytest

from scripts.tuning import search
from scripts.tuning.search import Level, Settings, Trial

TARGET_MS = 100.0
BASE = Settings(2, 1, 8, 1)


def trial(rate: float, settings: Settings = BASE, p95_ms: float = 50.0) -> Trial:
    return Trial(settings, (Level(8, rate, p95_ms),))


def run(rate: Callable[[Settings], float], cores: int = 2, trials: int = 100) -> list[Trial]:
    time_left = chain(repeat(True, trials - 1), repeat(False))
    return list(
        search.search(cores, TARGET_MS, lambda settings: trial(rate(settings), settings), lambda: next(time_left))
    )


def test_layouts_fill_the_cores() -> None:
    assert search.layouts(1) == [(1, 1)]
    assert search.layouts(2) == [(2, 1), (1, 2)]
    assert search.layouts(16) == [(16, 1), (8, 2), (4, 4)]


def test_the_highest_rate_under_the_target_counts() -> None:
    levels = (Level(8, 100, 60), Level(16, 120, 99), Level(32, 150, 101))
    assert Trial(BASE, levels).best(TARGET_MS) == levels[1]


def test_a_level_with_failures_does_not_count() -> None:
    assert Trial(BASE, (Level(8, 100, 60, failures=1),)).best(TARGET_MS) is None


def test_of_equally_good_settings_the_first_is_taken() -> None:
    simple, complicated = trial(100), trial(102, Settings(2, 1, 16, 1))
    assert search.choose([simple, complicated], TARGET_MS) is simple
    assert search.choose([trial(90), complicated], TARGET_MS) is complicated


def test_the_search_takes_each_settings_best_and_ends_with_them() -> None:
    trials = run(lambda s: 100 + 10 * (s.threads == 2) + s.batch + (s.delay_ms == 5) * 20)
    assert trials[-1].settings == Settings(1, 2, 16, 5)
    assert trials[-1] in trials[:-1]


def test_the_best_of_before_is_measured_anew_beside_its_rivals() -> None:
    """A machine that has become slower meanwhile does not make the rivals look worse than they are."""
    rates = iter([100.0, 90.0, *(50.0 + batch for batch in search.BATCHES), *(60.0 for _ in search.DELAYS_MS)])
    trials = run(lambda _: next(rates))
    assert trials[-1].settings == Settings(2, 1, 16, 1)
    tried = Counter(trial.settings for trial in trials[:-1])
    assert {settings for settings, times in tried.items() if times > 1} == {Settings(2, 1, 8, 1), Settings(2, 1, 16, 1)}


def test_without_batches_no_delay_is_tried() -> None:
    trials = run(lambda s: 100.0 - s.batch)
    assert trials[-1].settings.batch == 1
    assert {trial.settings.delay_ms for trial in trials} == {1}


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_when_time_is_up_the_best_so_far_is_taken(count: int) -> None:
    trials = run(lambda s: 100.0 + s.batch, trials=count)
    assert len(trials) <= count + 2
    assert trials[-1].rate(TARGET_MS) == max(trial.rate(TARGET_MS) for trial in trials[:-1])


def test_settings_that_never_meet_the_target_still_give_an_answer() -> None:
    settings = list(search.search(2, TARGET_MS, lambda s: trial(50, s, p95_ms=500), lambda: True))
    assert settings[-1].best(TARGET_MS) is None


@pytest.mark.parametrize(
    ("found", "at_once"),
    [
        (trial(900), 90),
        # Fewer would leave workers without a batch.
        (trial(200), 32),
        (trial(900, p95_ms=TARGET_MS + 1), None),
    ],
)
def test_the_edge_lets_in_what_is_answered_within_the_target_and_keeps_the_workers_busy(
    found: Trial, at_once: int | None
) -> None:
    assert search.places(found, TARGET_MS) == at_once
