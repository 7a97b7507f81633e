"""How fast the motion is: its power above a frequency."""

import numpy as np

from kfusion.landmarks import Points

FAST_HZ = 8
"""Lips hardly move faster by themselves: what is above is plosives, jitter and the extractor's noise."""
MIN_FAST_FRAMES = 16
"""About half a second: fewer do not tell 8 Hz from slower motion."""


def power_above(predicted: Points, target: Points, motionless_px: float, *, fps: int, above_hz: float) -> float:
    """Power of the motion of points (T, N, 2) above a frequency, predicted over target.

    Of the velocity from frame to frame, under a Hann window, summed over points and axes. NaN with fewer than
    16 frames, or where the target's part of it has a root mean square of no more than `motionless_px` a frame.
    """
    if len(target) < MIN_FAST_FRAMES:
        return float("nan")
    power, wanted = (_band_power(points, fps, above_hz) for points in (predicted, target))
    return power / wanted if wanted > motionless_px**2 else float("nan")


def _band_power(points: Points, fps: int, above_hz: float) -> float:
    """Mean square velocity above a frequency, (unit/frame)^2, mean over points and axes."""
    velocity = np.diff(points.reshape(len(points), -1).astype(np.float64), axis=0)
    window = np.hanning(len(velocity) + 2)[1:-1]
    spectrum = np.fft.rfft(velocity * window[:, None], axis=0)
    fast = spectrum[np.fft.rfftfreq(len(velocity), 1 / fps) > above_hz]
    energy = 2 * float((fast.real**2 + fast.imag**2).sum())
    return energy / (len(velocity) * float((window**2).sum()) * velocity.shape[1])
