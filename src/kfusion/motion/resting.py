"""The face from which motion is counted: the same person's, with the mouth closed."""

from collections.abc import Callable

import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.errors import InputError
from kfusion.landmarks import LandmarkSequence, Points, inter_ocular_distance, mouth_opening, remove_head_motion

SILENCE_S = 2.0
"""How much silence a model is given to show its resting face; its first frames settle."""
CLOSED_SHARE = 0.05
"""Of the frames of a recording, those with the smallest mouth opening."""


def face_in_silence(animate: Callable[[Samples], LandmarkSequence]) -> Points:
    """The face (68, 2) that a model makes of silence.

    Args:
        animate: what makes landmarks of sound: `lambda sound: model.generate(sound, identity)`, or the `push` of a new
            stream that is used for nothing else. Recordings and streams have networks, and so faces, of their own.
    """
    shown = animate(np.zeros(round(SILENCE_S * SAMPLE_RATE_HZ), np.float32)).points
    rest: Points = shown[len(shown) // 2 :].mean(0, dtype=np.float64).astype(np.float32)
    return rest


def most_closed_face(points: Points) -> Points:
    """The mean (68, 2) of the frames of a recording (T, 68, 2) with the smallest mouth opening, head motion removed.

    Raises:
        InputError: there is no frame.
    """
    if not len(points):
        raise InputError("the landmark sequence holds 0 frames: pass at least one")
    still = remove_head_motion(points, points[0])
    opening = mouth_opening(still) / inter_ocular_distance(still)
    closed = np.argsort(opening, kind="stable")[: max(1, round(CLOSED_SHARE * len(points)))]
    rest: Points = still[closed].mean(0, dtype=np.float64).astype(np.float32)
    return rest
