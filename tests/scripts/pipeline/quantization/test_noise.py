import numpy as np
import pytest

from scripts.pipeline.quantization.noise import HIGHEST_DB, Noise, decibels


def test_noise_of_a_tenth_of_the_amplitude_is_twenty_decibels_down() -> None:
    signal = np.array([3.0, -4.0], np.float32)
    assert decibels(signal, signal * np.float32(1.1)) == pytest.approx(20, abs=0.01)


def test_noise_as_strong_as_the_signal_is_zero_decibels() -> None:
    assert decibels(np.array([2.0], np.float32), np.array([4.0], np.float32)) == pytest.approx(0)


def test_batches_add_up_to_the_whole() -> None:
    values = np.random.default_rng(0).normal(size=(2, 50)).astype(np.float32)
    noisy = values + np.array([[0.1], [0.4]], np.float32)
    parts = Noise().add(values[0], noisy[0]).add(values[1], noisy[1])
    assert parts.decibels == pytest.approx(decibels(values, noisy))


@pytest.mark.parametrize(
    ("signal", "quantized", "expected"), [(1.0, 1.0, HIGHEST_DB), (0.0, 0.0, HIGHEST_DB), (0.0, 1.0, -HIGHEST_DB)]
)
def test_without_noise_or_without_signal_the_ratio_is_still_a_number(
    signal: float, quantized: float, expected: float
) -> None:
    assert decibels(np.array([signal], np.float32), np.array([quantized], np.float32)) == expected
