"""How the predicted face is laid upon the target before they are compared; every row of a table alike.

raw     as they are: crop pixels. Where the head is in the picture counts.
clip    one similarity (shift, scale, rotation) a clip brings the prediction nearest to the target over all
        frames and points: where the head is does not count, how it moves does.
frame   the head's motion is taken out of both: the stable points (eye corners, nose bridge) of every
        frame are brought onto the target's median face. Expression only.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kfusion.evaluation.metrics.distance import lengths
from kfusion.evaluation.metrics.timing import Signal
from kfusion.evaluation.metrics.velocity import Mask
from kfusion.landmarks import MOUTH, Points, fit_similarity, mouth_opening, remove_head_motion

ALIGNMENTS = {
    "raw": "crop pixels as they are",
    "clip": "one similarity Procrustes fit a clip, all frames and points",
    "frame": "head motion taken out of both: stable points of each frame on the target's median face",
}
UPPER_FACE = slice(17, MOUTH.start)
EXPRESSION = "frame"
"""The alignment that is shown where there is room for one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedPair:
    """A clip as metrics see it: two faces, (T, 68, 2) each in crop pixels at 30 fps, laid upon each other."""

    predicted: Points
    target: Points
    inter_ocular_px: float
    """Of the target before any alignment, mean of the clip."""
    silent: Mask
    """(T,), frames in silence."""

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """Of every point in every frame, px, (T, 68)."""
        return lengths(self._error)

    @cached_property
    def velocity_differences(self) -> NDArray[np.float64]:
        """Of every point from every frame to the next, px a frame, (T - 1, 68)."""
        return lengths(np.diff(self._error, axis=0))

    @cached_property
    def openings(self) -> tuple[Signal, Signal]:
        """Mouth opening of the predicted and of the target face, in inter-ocular distances, (T,) each."""
        faces = (self.predicted, self.target)
        ours, theirs = (mouth_opening(points).astype(np.float64) / self.inter_ocular_px for points in faces)
        return ours, theirs

    @property
    def mouths(self) -> tuple[Points, Points]:
        """Points 48-67 of the predicted and of the target face, (T, 20, 2) each."""
        return self.predicted[:, MOUTH], self.target[:, MOUTH]

    @property
    def upper_faces(self) -> tuple[Points, Points]:
        """Brows, nose and eyes of both, points 17-47, (T, 31, 2) each."""
        return self.predicted[:, UPPER_FACE], self.target[:, UPPER_FACE]

    @cached_property
    def _error(self) -> NDArray[np.float64]:
        return self.predicted.astype(np.float64) - self.target


def align(alignment: str, predicted: Points, target: Points) -> tuple[Points, Points]:
    """Predicted and target (T, 68, 2), px, laid upon each other in the way of `ALIGNMENTS`."""
    if alignment == "raw":
        return predicted, target
    if alignment == "clip":
        return fit_similarity(predicted.reshape(-1, 2), target.reshape(-1, 2))(predicted), target
    assert alignment == "frame"
    median = median_face(target)
    return remove_head_motion(predicted, median), remove_head_motion(target, median)


def median_face(landmarks: Points) -> Points:
    """The median (68, 2) of a clip (T, 68, 2)."""
    return np.median(landmarks, axis=0).astype(np.float32)
