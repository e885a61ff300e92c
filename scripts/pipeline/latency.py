"""How long a graph takes beside the float32 graph, on a machine that may be doing other things."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handler.engine import Engine

BATCHES: dict[int, int] = {1: 60, 8: 20}
"""Rounds by batch size: a lone request, and the batch that config.properties has TorchServe gather."""


@dataclass(frozen=True)
class Latency:
    """One graph at one batch size.

    Attributes:
        ms: per image, median over the rounds.
        ratio: to the float32 graph's in the same round; median over the rounds.
        quartiles: of that ratio: how far the rounds agree.
    """

    ms: float
    ratio: float
    quartiles: tuple[float, float]


def measure(
    reference: Engine, others: Mapping[str, Engine], images: NDArray[np.uint8]
) -> dict[str, dict[int, Latency]]:
    """Return the latency of each of `others` by batch size, against `reference`.

    All take turns, so that a slower spell of the machine meets all of them; and what is measured is the processor
    time of the one thread that computes, which other programs do not lengthen by taking their turn.

    Args:
        reference: the float32 graph, one thread.
        others: by name, one thread each.
        images: uint8 [images, 3, crop, crop]; the first of them are used, again and again.
    """
    engines = [reference, *others.values()]
    found: dict[str, dict[int, Latency]] = {name: {} for name in others}
    for batch, rounds in BATCHES.items():
        chosen = images[np.arange(batch) % len(images)]
        for engine in engines:
            engine.logits(chosen)
        seconds = np.array([[thread_seconds(engine, chosen) for engine in engines] for _ in range(rounds)])
        for column, name in enumerate(others, start=1):
            ratios = seconds[:, column] / seconds[:, 0]
            low, middle, high = (float(value) for value in np.quantile(ratios, (0.25, 0.5, 0.75)))
            ms = float(np.median(seconds[:, column])) * 1000 / batch
            found[name][batch] = Latency(ms, middle, (low, high))
    return found


def thread_seconds(engine: Engine, images: NDArray[np.uint8]) -> float:
    """Return the processor time of this thread for one call; all of it where the engine has one thread."""
    started = time.thread_time()
    engine.logits(images)
    return time.thread_time() - started
