"""What a sample counts: full scale is 1, and recordings that count otherwise are scaled or refused."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError

MAX_PEAK = 32.0
"""A recording may be up to 30 dB above full scale; more is no sound whose full scale is 1."""
INTEGER_PEAKS = (512.0, 32_768.0)
"""Peaks of 16-bit integers that were written as floats."""


def full_scale(peak: float) -> float:
    """What full scale is in floats whose highest is `peak`: 1, or 32768 where they are 16-bit integers."""
    low, high = INTEGER_PEAKS
    return high if low <= peak <= high else 1.0


def finite_peak(samples: NDArray[np.floating]) -> float:
    """The highest absolute value of the samples that are finite numbers, 0 without any."""
    return float(np.abs(samples).max(initial=0.0, where=np.isfinite(samples)))


@dataclass(slots=True)
class Level:
    """Puts samples to full scale 1, and refuses those that are no sound."""

    name: str
    """Of the recording, for messages."""
    full_scale: float = 1.0
    rate_hz: int = 16_000
    _seen: int = 0

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The samples, (N,), at full scale 1.

        Raises:
            InputError: one is not a finite number, or of a height that no sound has.
        """
        levelled = samples if self.full_scale == 1 else samples / np.float32(self.full_scale)
        low, high = levelled.min(initial=0.0), levelled.max(initial=0.0)
        if not (high <= MAX_PEAK and low >= -MAX_PEAK):
            self._refuse(levelled)
        self._seen += len(samples)
        return levelled

    def _refuse(self, samples: NDArray[np.float32]) -> None:
        place = int(np.argmin(np.abs(samples) <= MAX_PEAK))
        at = f"the sample at {(self._seen + place) / self.rate_hz:.3f} s"
        if not np.isfinite(samples[place]):
            raise InputError(f"{self.name}: {at} is not a finite number: export it again")
        raise InputError(f"{self.name}: {at} is {samples[place]:.4g}, where full scale is 1: scale the recording to it")
