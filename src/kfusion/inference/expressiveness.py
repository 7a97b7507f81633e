"""How much a face moves: its motion about the face at rest, scaled frame by frame, with lips that close kept closed."""

from collections.abc import Callable
from functools import partial

import numpy as np

from kfusion.landmarks import CLOSED, Points

_INNER_UPPER, _INNER_LOWER = [61, 62, 63], [67, 66, 65]
_UPPER_LIP, _LOWER_LIP = [*_INNER_UPPER, 50, 51, 52], [*_INNER_LOWER, 58, 57, 56]
"""Inner points and, in the same order, the outer ones that go with them."""


def scale_motion(points: Points, rest: Points, amount: float) -> Points:
    """Faces that move `amount` times as much about the face at rest.

    Every point is `amount` times as far from where it rests, but the inner lips: they are opened about the closed
    mouth. Where `amount` is above 1, what `CLOSED` has as closed stays as it is, and what is open beyond it is
    scaled from there, without a jump. Lips that cross are brought together.

    Args:
        points: (T, 68, 2), unit frame.
        rest: (68, 2), unit frame.
        amount: 0 gives the face at rest with its lips together, 1 the same array.
    """
    if amount == 1:
        return points
    scaled = rest + np.float32(amount) * (points - rest)
    apart = points[:, _INNER_LOWER] - points[:, _INNER_UPPER]
    wanted = apart * _lip_gain(apart, amount)
    missing = (wanted - (scaled[:, _INNER_LOWER] - scaled[:, _INNER_UPPER])) / 2
    both = np.concatenate([missing, missing], axis=1)
    scaled[:, _LOWER_LIP] += both
    scaled[:, _UPPER_LIP] -= both
    return scaled


def motion_scaler(silent: Callable[[], Points], amount: float) -> Callable[[Points], Points]:
    """`scale_motion` by `amount` about the median of the frames that `silent` gives, asked for only where needed."""
    if amount == 1:
        return lambda points: points
    return partial(scale_motion, rest=np.median(silent(), axis=0).astype(np.float32), amount=amount)


def _lip_gain(apart: Points, amount: float) -> Points:
    """By how much the way from each upper to its lower lip point (T, 3, 2) is scaled, (T, 3, 1); y points down."""
    gap = np.linalg.norm(apart, axis=-1, keepdims=True)
    gain = amount if amount < 1 else 1 + (amount - 1) * np.maximum(1 - CLOSED / np.maximum(gap, CLOSED), 0)
    return np.where(apart[..., 1:] < 0, np.float32(0), gain).astype(np.float32)
