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

from kfusion.evaluation.metrics.timing import FrameSignal, opening_lag
from kfusion.evaluation.metrics.velocity import FrameMask
from kfusion.landmarks import Points, fit_similarity, remove_head_motion, signed_opening

ALIGNMENTS = {
    "raw": "crop pixels as they are",
    "clip": "one similarity Procrustes fit a clip, all frames and points",
    "frame": "head motion taken out of both: stable points of each frame on the target's median face",
}
EXPRESSION = "frame"
"""The alignment that is shown where there is room for one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedPair:
    """A clip as metrics see it: two faces, (T, 68, 2) each in crop pixels at 30 fps, laid upon each other."""

    predicted: Points
    target: Points
    inter_ocular_px: float
    """Of the target before any alignment, mean of the clip."""
    silent: FrameMask
    """(T,), frames in silence."""

    def part(self, points: slice) -> tuple[Points, Points]:
        """These points of the predicted and of the target face, (T, N, 2) each."""
        return self.predicted[:, points], self.target[:, points]

    @cached_property
    def openings(self) -> tuple[FrameSignal, FrameSignal]:
        """Mouth opening of the predicted and of the target face, in inter-ocular distances, (T,) each.

        Negative where the lips cross: as a mere distance, a mouth that hangs too low or too high and crosses when it
        should close would open whenever the target closes.
        """
        faces = (self.predicted, self.target)
        ours, theirs = (signed_opening(points).astype(np.float64) / self.inter_ocular_px for points in faces)
        return ours, theirs

    @cached_property
    def lag(self) -> float:
        """Frames that the predicted opening comes after that of the target."""
        return opening_lag(*self.openings)


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
