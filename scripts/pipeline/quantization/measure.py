"""Each variant's size, time and answers, in one run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.pipeline.images import Labelled
from scripts.pipeline.quantization.noise import decibels
from scripts.pipeline.quantization.variants import Built, Method, Runner
from scripts.spread import Spread

BATCHES = (1, 8)
# Images of one turn; a turn of a few milliseconds would be at the mercy of the clock and of cold caches.
_IMAGES_OF_A_TURN = 16


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
        name: of the method.
        runtime: that it ran in.
        arithmetic: that ran.
        bytes: of its artefact on disk.
        cpu_ms: CPU of one image on one thread by batch size, a value a round; on an idle machine, its time.
        wall_ms: time of one image, the same way.
        accuracy: top-1 on the test part, of 1.
        agreement: share of the test part with the label of ONNX Runtime's float32 graph.
        logits_db: signal to noise of the logits, dB, against the same.
    """

    name: str
    runtime: str
    arithmetic: str
    bytes: int
    cpu_ms: Mapping[int, Spread]
    wall_ms: Mapping[int, Spread]
    accuracy: float
    agreement: float
    logits_db: float


def measure(variants: Mapping[Method, Built], test: Labelled, rounds: int) -> list[Row]:
    """Return a row for each variant; the first one is the reference."""
    answers = [built.run(test.images) for built in variants.values()]
    times = interleaved([built.run for built in variants.values()], test.images, rounds)
    exact = answers[0]
    return [
        Row(
            name=method.name,
            runtime=method.runtime,
            arithmetic=built.arithmetic,
            bytes=built.artefact.stat().st_size,
            cpu_ms={batch: Spread.of([turn[0] for turn in turns]) for batch, turns in taken.items()},
            wall_ms={batch: Spread.of([turn[1] for turn in turns]) for batch, turns in taken.items()},
            accuracy=float((logits.argmax(axis=1) == test.labels).mean()),
            agreement=float((logits.argmax(axis=1) == exact.argmax(axis=1)).mean()),
            logits_db=decibels(exact, logits),
        )
        for (method, built), logits, taken in zip(variants.items(), answers, times, strict=True)
    ]


def interleaved(
    runners: Sequence[Runner], images: NDArray[np.uint8], rounds: int
) -> list[dict[int, list[tuple[float, float]]]]:
    """Return (CPU ms, ms) of one image by batch size and round, for each runner.

    In each round every runner has its turn, in an order that moves on by one: what else the machine does meets all.
    """
    found: list[dict[int, list[tuple[float, float]]]] = [{batch: [] for batch in BATCHES} for _ in runners]
    for turn in range(rounds):
        for place in range(len(runners)):
            index = (turn + place) % len(runners)
            for batch in BATCHES:
                found[index][batch].append(_turn(runners[index], images[:batch]))
    return found


def _turn(run: Runner, batch: NDArray[np.uint8]) -> tuple[float, float]:
    calls = max(1, _IMAGES_OF_A_TURN // len(batch))
    run(batch)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        run(batch)
    taken = time.process_time() - cpu, time.perf_counter() - wall
    return taken[0] * 1e3 / (calls * len(batch)), taken[1] * 1e3 / (calls * len(batch))
