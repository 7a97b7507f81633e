"""Whether the mouth moves when it should: correlation, lag, and the distance when time may be warped."""

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import Points

MOTIONLESS = 1e-4
"""A signal whose standard deviation is under this share of the inter-ocular distance does not move."""
LAG_REACH = 5
"""Lags from -5 to 5 frames (167 ms) are looked at."""

FrameSignal = NDArray[np.float64]
"""One number a frame, (T,)."""


def correlation(predicted: FrameSignal, target: FrameSignal) -> float:
    """Pearson correlation of two signals (T,) in inter-ocular distances; NaN if one of them does not move."""
    if len(predicted) < 2:
        return float("nan")
    a, b = predicted - predicted.mean(), target - target.mean()
    power, wanted = float(a @ a), float(b @ b)
    if min(power, wanted) <= MOTIONLESS**2 * len(a):
        return float("nan")
    return float(np.clip(a @ b / np.sqrt(power * wanted), -1, 1))


def opening_correlation(predicted: FrameSignal, target: FrameSignal) -> float:
    """Correlation of two mouth openings (T,): 0 where the prediction stands still while the target moves.

    NaN where the target does not move, so it is defined on the same clips whatever is predicted.
    """
    found = correlation(predicted, target)
    return 0.0 if np.isnan(found) and not np.isnan(correlation(target, target)) else found


def opening_lag(predicted: FrameSignal, target: FrameSignal) -> float:
    """How many frames `predicted` (T,) comes after `target` (T,): positive means late, negative early.

    The shift within +-5 frames at which the two correlate best, refined by the parabola through the
    peak and its neighbours. NaN if one does not move, or with fewer than 12 frames.
    """
    count = len(target)
    if count < 2 * LAG_REACH + 2 or np.isnan(correlation(predicted, target)):
        return float("nan")
    shifts = range(-LAG_REACH, LAG_REACH + 1)
    values = np.array([_shifted_correlation(predicted, target, shift) for shift in shifts])
    peak = int(np.nanargmax(values))
    return shifts[peak] + _parabola_top(values, peak)


def _shifted_correlation(predicted: FrameSignal, target: FrameSignal, shift: int) -> float:
    late, early = max(shift, 0), max(-shift, 0)
    return correlation(predicted[late : len(predicted) - early], target[early : len(target) - late])


def _parabola_top(values: FrameSignal, peak: int) -> float:
    """From `peak` to the top of the parabola through it and its neighbours, in -0.5 .. 0.5."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    left, middle, right = values[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0


def warped_distance(predicted: Points, target: Points) -> float:
    """Landmark distance of points (T, N, 2) along the path through both sequences where it is smallest.

    Dynamic time warping from the first pair of frames to the last, no frame left out and never backwards. A step
    in one sequence weighs 1, in both 2, and the sum is divided by T + T' (Sakoe and Chiba 1978, symmetric, no slope
    constraint), so it is the smallest mean over all paths and never above the landmark distance. NaN without frames.
    """
    if not len(predicted) or not len(target):
        return float("nan")
    return _shortest_path(_frame_distances(predicted, target)) / (len(predicted) + len(target))


def _frame_distances(predicted: Points, target: Points) -> NDArray[np.float32]:
    """Landmark distance of every predicted frame from every target frame, (T, T')."""
    total = np.zeros((len(predicted), len(target)), np.float32)
    for point in range(predicted.shape[1]):
        x, y = (predicted[:, None, point, axis] - target[None, :, point, axis] for axis in (0, 1))
        total += np.sqrt(x * x + y * y)
    total /= predicted.shape[1]
    return total


def _shortest_path(cost: NDArray[np.float32]) -> float:
    """The least sum from corner to corner of `cost` (T, T'), the corner and diagonal steps counted twice.

    It goes over the anti-diagonals, whose entries do not depend on each other; entry i belongs to row i.
    """
    diagonals = _anti_diagonals(cost.astype(np.float64))
    earlier, last = (np.full(len(cost) + 1, np.inf) for _ in range(2))
    earlier[0] = 0.0
    for step in diagonals:
        best = np.minimum(last[1:], last[:-1])
        best += step
        both = earlier[:-1] + 2 * step
        earlier, last = last, np.concatenate(([np.inf], np.minimum(best, both)))
    return float(last[-1])


def _anti_diagonals(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """The anti-diagonals of `cost` (T, T'), (T + T' - 1, T): entry [s, i] is cost[i, s - i], infinite outside."""
    rows, columns = cost.shape
    padded = np.full((rows, columns + rows), np.inf)
    padded[:, :columns] = cost
    sheared = padded.ravel()[: rows * (columns + rows - 1)].reshape(rows, columns + rows - 1)
    return np.ascontiguousarray(sheared.T)
