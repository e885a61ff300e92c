"""Signal to noise: how much of a float32 value is left after quantization."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIGHEST_DB = 120.0
"""Where there is no noise, and with the other sign where there is nothing else."""


@dataclass
class Noise:
    """Energies, summed over all that was added."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, float32: NDArray[np.float32], quantized: NDArray[np.float32]) -> "Noise":
        """Add values and what quantization made of them, of one shape; return this."""
        exact = float32.astype(np.float64)
        self.signal += float(np.square(exact).sum())
        self.noise += float(np.square(quantized - exact).sum())
        return self

    @property
    def decibels(self) -> float:
        """Signal-to-quantization-noise ratio, 10 log10(signal / noise), dB; within ±HIGHEST_DB."""
        limit = 10 ** (HIGHEST_DB / 10)
        if self.signal >= self.noise * limit:
            return HIGHEST_DB
        if self.noise >= self.signal * limit:
            return -HIGHEST_DB
        return 10 * math.log10(self.signal / self.noise)


def decibels(float32: NDArray[np.float32], quantized: NDArray[np.float32]) -> float:
    """Return the signal-to-quantization-noise ratio of one array, dB."""
    return Noise().add(float32, quantized).decibels
