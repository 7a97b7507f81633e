"""A face that hears only how loud it is: what a table's networks must beat to have listened to speech."""

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.evaluation.metrics.catalogue import FPS
from kfusion.landmarks import POINT_COUNT, Points

WINDOW_S = 0.1
"""The level of a frame is that of so much sound around its instant. Longer memories, which the training data can
fit, follow other speakers worse."""
FLOOR_DB = -40.0
"""Under the clip's loudest: what is quieter counts as this."""


def levels(samples: Samples, frames: int) -> NDArray[np.float64]:
    """How loud each frame is, (frames,): 0 the clip's loudest, -1 the floor.

    How loud the recording is as a whole does not count.
    """
    power = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    before, after = (
        np.clip(np.round((np.arange(frames) / FPS + side) * SAMPLE_RATE_HZ).astype(int), 0, len(samples))
        for side in (-WINDOW_S / 2, WINDOW_S / 2)
    )
    level = 10 * np.log10(np.maximum(power[after] - power[before], 1e-9))
    relative: NDArray[np.float64] = np.maximum(level - level.max(), FLOOR_DB) / -FLOOR_DB
    return relative


class LevelMap:
    """The straight line from the level to the displacement of the face that fits training clips best."""

    def __init__(self) -> None:
        self._powers = np.zeros((2, 2))
        self._products = np.zeros((2, 2 * POINT_COUNT))

    def add(self, samples: Samples, moved: Points) -> None:
        """Take in a clip: its sound, and its displacement (frames, 68, 2) from the identity, unit frame."""
        heard = _with_constant(samples, len(moved))
        self._powers += heard.T @ heard
        self._products += heard.T @ moved.reshape(len(moved), -1)

    def __call__(self, samples: Samples, frames: int) -> Points:
        """The displacement (frames, 68, 2)."""
        line, *_ = np.linalg.lstsq(self._powers, self._products, rcond=None)
        return (_with_constant(samples, frames) @ line).reshape(frames, POINT_COUNT, 2).astype(np.float32)


def _with_constant(samples: Samples, frames: int) -> NDArray[np.float64]:
    return np.stack([levels(samples, frames), np.ones(frames)], axis=1)
