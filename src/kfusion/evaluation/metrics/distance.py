"""How far points are off, in their own unit."""

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import Points

Floats = NDArray[np.float64]


def landmark_distance(predicted: Points, target: Points) -> float:
    """LD = mean over frames and points of |p - p^|, Eq. 14; (T, N, 2) in, in their unit.

    Departs from the authors' code, which takes one norm over a whole batch.
    """
    return mean(lengths(predicted.astype(np.float64) - target))


def lip_vertex_error(predicted: Points, target: Points) -> float:
    """LVE: the largest squared error among the points (T, N, 2) of a frame, mean over frames; unit^2.

    Source: the code of CodeTalker (Xing 2023), which takes vertices of a mesh in place of landmarks and squares as
    we do. NaN without frames.
    """
    error = predicted.astype(np.float64) - target
    return mean((error * error).sum(-1).max(1)) if len(error) else float("nan")


def lengths(vectors: Floats) -> Floats:
    """Lengths (...) of vectors (..., 2)."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.sqrt(x * x + y * y)


def mean(values: Floats) -> float:
    """The mean of all `values`; NaN of none."""
    return float(values.mean()) if values.size else float("nan")
