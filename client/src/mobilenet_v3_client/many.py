"""The same work on many items, some at a time, without ever holding more than a few."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# For each worker: one in work, one that it finds when it is done.
_HELD = 2


def in_order(work: Callable[[Item], Result], items: Iterable[Item], concurrency: int) -> Iterator[Result]:
    """Return `work` of each item, in their order.

    An item is taken only when there is room for it, and given out before the next one is taken if it is its turn and
    done. Where taking one raises, that comes after the results of those that were taken before.
    """
    with _Workers(work, concurrency) as workers:
        under_way: deque[Future[Result]] = deque()
        for future in workers.taking(items):
            under_way.append(future)
            while under_way and (under_way[0].done() or len(under_way) >= _HELD * concurrency):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
        workers.raise_what_taking_raised()


def as_done(work: Callable[[Item], Result], items: Iterable[Item], concurrency: int) -> Iterator[Result]:
    """Return `work` of each item as soon as it is done; all else is as in `in_order`."""
    with _Workers(work, concurrency) as workers:
        under_way: set[Future[Result]] = set()
        for future in workers.taking(items):
            under_way.add(future)
            full = len(under_way) >= _HELD * concurrency
            done, under_way = wait(under_way, None if full else 0, FIRST_COMPLETED)
            yield from (each.result() for each in done)
        while under_way:
            done, under_way = wait(under_way, None, FIRST_COMPLETED)
            yield from (each.result() for each in done)
        workers.raise_what_taking_raised()


class _Workers(Generic[Item, Result]):
    """Threads that don't keep the program from ending: after a Ctrl-C nobody waits for a slow answer.

    concurrent.futures' own are joined when the interpreter ends.
    """

    def __init__(self, work: Callable[[Item], Result], count: int) -> None:
        self._work, self._count = work, count
        self._jobs: SimpleQueue[tuple[Future[Result], Item] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._raised: Exception | None = None

    def __enter__(self) -> _Workers[Item, Result]:
        return self

    def __exit__(self, *raised: object) -> None:
        self._count = 0
        for _ in self._threads:
            self._jobs.put(None)

    def taking(self, items: Iterable[Item]) -> Iterator[Future[Result]]:
        """Begin the work on one item after the other, as they are asked for."""
        try:
            for item in items:
                future: Future[Result] = Future()
                self._jobs.put((future, item))
                if len(self._threads) < self._count:
                    thread = threading.Thread(target=self._run, name="mobilenet-v3-client", daemon=True)
                    self._threads.append(thread)
                    thread.start()
                yield future
        except Exception as error:  # given on by raise_what_taking_raised
            self._raised = error

    def raise_what_taking_raised(self) -> None:
        """Raise what the caller's own iterator did, if it did."""
        if self._raised is not None:
            raise self._raised

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, item = job
            if not self._count:  # nobody wants the rest
                continue
            try:
                future.set_result(self._work(item))
            except BaseException as error:  # raised where the result is asked for
                future.set_exception(error)
            del job, future, item
