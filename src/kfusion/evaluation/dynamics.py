"""Scores of how a face moves, beyond how far it is off: speed of change, upper face, time warping.

Points are (T, N, 2) in crop pixels at 30 fps, already aligned; see `metrics` for the table of all scores.
"""

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import Points

FAST_HZ = 8
"""Lips hardly move faster by themselves: what is above is plosives, jitter and the extractor's noise."""
MIN_FAST_FRAMES = 16
"""About half a second: fewer do not tell 8 Hz from slower motion."""

Floats = NDArray[np.float64]


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


def lip_vertex_error(predicted: Points, target: Points) -> float:
    """LVE: the largest squared error among the points (T, N, 2) of a frame, mean over frames; unit^2.

    Source: the code of CodeTalker (Xing 2023), which takes vertices of a mesh in place of landmarks and squares as
    we do. NaN without frames.
    """
    error = predicted.astype(np.float64) - target
    squared = (error * error).sum(-1)
    return float(squared.max(1).mean()) if len(squared) else float("nan")


def face_dynamics_deviation(predicted: Points, target: Points) -> float:
    """FDD: how much more the target's points (T, N, 2) vary in how far they are moved than the predicted ones; unit.

    For each point the standard deviation over time of how far it is from rest, mean over points, target minus
    predicted: positive means too little motion, negative too much, 0 is right. Source: CodeTalker (Xing 2023), the
    distance as its paper has it (its code squares it). Departs from both: rest is the mean of each sequence, as
    recordings have no neutral scan. NaN for one frame.
    """
    if len(target) < 2:
        return float("nan")
    return _dynamics(target) - _dynamics(predicted)


def _dynamics(points: Points) -> float:
    moved = points.astype(np.float64)
    moved -= moved.mean(0)
    return float(lengths(moved).std(0).mean())


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


def _anti_diagonals(cost: Floats) -> Floats:
    """The anti-diagonals of `cost` (T, T'), (T + T' - 1, T): entry [s, i] is cost[i, s - i], infinite outside."""
    rows, columns = cost.shape
    padded = np.full((rows, columns + rows), np.inf)
    padded[:, :columns] = cost
    sheared = padded.ravel()[: rows * (columns + rows - 1)].reshape(rows, columns + rows - 1)
    return np.ascontiguousarray(sheared.T)


def lengths(vectors: Floats) -> Floats:
    """Lengths (...) of vectors (..., 2)."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.sqrt(x * x + y * y)
