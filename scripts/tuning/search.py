"""Which settings to try, in which order, and which of them to take."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

# Two results nearer than this are the same on a machine that does other things too; the simpler settings win.
SAME = 0.03
BATCHES = (1, 4, 8, 16)
DELAYS_MS = (1, 5, 10)
_LAYOUTS = 3


@dataclass(frozen=True)
class Settings:
    """What is swept.

    Attributes:
        workers: processes of the version.
        threads: of each worker's inference.
        batch: requests handed to a worker at once, at most.
        delay_ms: to wait for a batch to fill.
    """

    workers: int
    threads: int
    batch: int
    delay_ms: int


@dataclass(frozen=True)
class Level:
    """What was seen with so many connections: right answers a second and their 95th percentile in ms."""

    connections: int
    rate: float
    p95_ms: float
    failures: int = 0


@dataclass(frozen=True)
class Trial:
    """Settings and what they gave, by number of connections."""

    settings: Settings
    levels: tuple[Level, ...]

    def best(self, p95_ms: float) -> Level | None:
        """Return the level with the highest throughput under the target, or None if there is none."""
        under = [level for level in self.levels if level.p95_ms <= p95_ms and not level.failures]
        return max(under, key=lambda level: level.rate, default=None)

    def rate(self, p95_ms: float) -> float:
        """Return the highest throughput under the target; 0 if there is none."""
        level = self.best(p95_ms)
        return level.rate if level else 0.0


def places(trial: Trial, p95_ms: float) -> int | None:
    """Return how many requests at once the edge may let in so that the last of them is answered in about `p95_ms`.

    As many as are answered in that time, but at least a batch in work and one that waits for each worker; None where
    no level of the trial was under the target.
    """
    settings = trial.settings
    answered = int(trial.rate(p95_ms) * p95_ms / 1000)
    return max(answered, 2 * settings.workers * settings.batch) if answered else None


def layouts(cores: int) -> list[tuple[int, int]]:
    """Return (workers, threads) that fill the cores, most workers first."""
    threads = [2**power for power in range(_LAYOUTS) if 2**power <= cores]
    return [(cores // count, count) for count in threads]


def choose(trials: Sequence[Trial], p95_ms: float) -> Trial:
    """Return the first trial that is as good as the best one, but for `SAME`."""
    best = max(trial.rate(p95_ms) for trial in trials)
    return next(trial for trial in trials if trial.rate(p95_ms) >= best * (1 - SAME))


def search(
    cores: int, p95_ms: float, measure: Callable[[Settings], Trial], in_time: Callable[[], bool]
) -> Iterator[Trial]:
    """Yield every trial, the one to take last and a second time.

    One setting after the other, each with the best of those before: workers and threads, then the batch, then the
    delay. The whole grid would take ten times as long, and delay matters little where batches fill by themselves. The
    best of before is measured anew beside its rivals: results of different minutes can't be compared.

    Args:
        cores: to be filled.
        p95_ms: target.
        measure: tries settings.
        in_time: whether there is time for another trial; the search ends with what it has.
    """
    taken = Settings(*layouts(cores)[0], batch=8, delay_ms=DELAYS_MS[0])
    best: Trial | None = None
    stages: tuple[Callable[[Settings], Iterable[Settings]], ...] = (
        lambda base: [replace(base, workers=workers, threads=threads) for workers, threads in layouts(cores)],
        lambda base: [replace(base, batch=batch) for batch in BATCHES],
        # Without batches there is nothing to wait for.
        lambda base: [replace(base, delay_ms=delay) for delay in DELAYS_MS] if base.batch > 1 else [base],
    )
    for stage in stages:
        wanted = list(stage(taken))
        trials: list[Trial] = []
        for settings in wanted if len(wanted) > 1 else []:
            if in_time() or best is None:
                trials.append(measure(settings))
                yield trials[-1]
                best = best or trials[-1]
        # Cut short, a stage decides nothing: the best of before may be among those that were not measured.
        if trials and len(trials) == len(wanted):
            best = choose(trials, p95_ms)
            taken = best.settings
    assert best is not None, "the first stage tries something however short the time is"
    yield best
