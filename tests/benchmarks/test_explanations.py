import numpy as np

from benchmarks.explanations import deletion
from benchmarks.explanations.agreement import Agreement


class Bright:
    """A network whose second class is the more probable, the brighter the upper left quarter is."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        bright = images[:, :, :16, :16].mean(axis=(1, 2, 3)) / 255
        return np.stack([np.zeros(len(images)), 8 * bright - 2], axis=1).astype(np.float32)


def test_a_map_of_what_counts_is_better_than_one_of_what_does_not_both_ways() -> None:
    image = np.full((1, 3, 32, 32), 10, np.uint8)
    image[:, :, :16, :16] = 255
    right, wrong = np.zeros((1, 4, 4), np.float32), np.zeros((1, 4, 4), np.float32)
    right[0, :2, :2], wrong[0, 2:, 2:] = 1, 1
    for sound in (None, np.full_like(image, 10)):
        found = deletion.areas(Bright(), image, sound, {"right": right, "wrong": wrong})  # type: ignore[arg-type]
        assert found["deletion", "right"][0] < found["deletion", "wrong"][0] - 0.2
        assert found["insertion", "right"][0] > found["insertion", "wrong"][0] + 0.01


def test_a_map_that_is_blank_is_counted_apart() -> None:
    maps = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    others = np.stack([2 * maps[0], np.zeros((2, 2), np.float32)])
    found = Agreement.of(maps, others)
    assert (found.images, found.blank, found.median) == (1, 1, 1)
