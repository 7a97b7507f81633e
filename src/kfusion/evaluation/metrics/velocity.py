"""How points move from frame to frame, in their unit a frame, and how much they move at all."""

import numpy as np
from numpy.typing import NDArray

from kfusion.evaluation.metrics.distance import lengths, mean
from kfusion.landmarks import Points

FrameMask = NDArray[np.bool_]
"""Which frames, (T,)."""


def landmark_velocity_difference(predicted: Points, target: Points) -> float:
    """LVD = mean over T - 1 frames and points of |(p_t - p_t-1) - (p^_t - p^_t-1)|, Eq. 13 and 15; unit/frame.

    Departs from the authors' code, which takes differences between points instead of frames. NaN for one frame.
    """
    error = predicted.astype(np.float64) - target
    return mean(lengths(np.diff(error, axis=0)))


def silence_speed(points: Points, silent: FrameMask) -> float:
    """Mean of |p_t - p_t-1| over points (T, N, 2) and the frames t where t - 1 and t are silent; unit/frame."""
    speed = lengths(np.diff(points.astype(np.float64), axis=0))
    return mean(speed[silent[1:] & silent[:-1]])


def jerk(points: Points) -> float:
    """Mean size of the third difference of points (T, N, 2); unit/frame^3 (at 30 fps 27000 times that in unit/s^3)."""
    return mean(lengths(np.diff(points.astype(np.float64), n=3, axis=0)))


def motion_ratio(predicted: Points, target: Points, motionless_px: float) -> float:
    """Standard deviation over time, root mean square over points and axes, predicted over target (T, N, 2).

    NaN if the target moves no more than `motionless_px`.
    """
    moved, wanted = (np.sqrt(np.mean(points.astype(np.float64).var(axis=0))) for points in (predicted, target))
    return float(moved / wanted) if wanted > motionless_px else float("nan")


def face_dynamics_deviation(predicted: Points, target: Points) -> float:
    """FDD: how much more the target's points (T, N, 2) vary in how far they are moved than the predicted ones; unit.

    For each point the standard deviation over time of how far it is from rest, mean over points, target minus
    predicted: positive means too little motion, negative too much, 0 is right. Source: CodeTalker (Xing 2023), the
    distance as its paper has it (its code squares it). Departs from both: rest is the mean of each sequence, as
    recordings have no neutral scan. NaN for one frame.
    """
    if len(target) < 2:
        return float("nan")
    return _spread_of_displacement(target) - _spread_of_displacement(predicted)


def _spread_of_displacement(points: Points) -> float:
    moved = points.astype(np.float64)
    moved -= moved.mean(0)
    return float(lengths(moved).std(0).mean())
