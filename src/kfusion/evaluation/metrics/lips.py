"""Whether the lips close when they should."""

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import CLOSED


def closure_f1(predicted: NDArray[np.float64], target: NDArray[np.float64], counted: NDArray[np.bool_]) -> float:
    """F1 = 2 TP / (2 TP + FP + FN) of the closed-mouth frames among those `counted`.

    Openings (T,) in inter-ocular distances; NaN where the target never closes, so it is defined on the same clips
    whatever is predicted.
    """
    closed, wanted = predicted[counted] < CLOSED, target[counted] < CLOSED
    if not wanted.any():
        return float("nan")
    return 2 * int((closed & wanted).sum()) / int(closed.sum() + wanted.sum())
