import time
from typing import Any

import numpy as np

from scripts.pipeline.latency import BATCHES, measure


class Busy:
    """An engine that computes for so long, each image; or waits, which costs no processor time."""

    def __init__(self, compute_s: float, wait_s: float = 0.0) -> None:
        self.compute_s, self.wait_s = compute_s, wait_s

    def logits(self, images: np.ndarray) -> None:
        time.sleep(self.wait_s)
        until = time.thread_time() + self.compute_s * len(images)
        while time.thread_time() < until:
            pass


def test_twice_the_computation_is_a_ratio_of_two_and_waiting_does_not_count(monkeypatch: Any) -> None:
    monkeypatch.setattr("scripts.pipeline.latency.BATCHES", dict.fromkeys(BATCHES, 5))
    images = np.zeros((3, 2, 2, 3), np.uint8)
    reference: Any = Busy(0.0004)
    others: Any = {"slower": Busy(0.0008), "interrupted": Busy(0.0004, wait_s=0.002)}
    found = measure(reference, others, images)
    for batch in BATCHES:
        assert 1.8 < found["slower"][batch].ratio < 2.2
        assert 0.8 < found["interrupted"][batch].ratio < 1.3
        low, high = found["slower"][batch].quartiles
        assert low <= found["slower"][batch].ratio <= high
        assert 0.7 < found["slower"][batch].ms < 1.0
