"""How the predicted face is laid upon the target before they are compared; every row of a table alike.

raw     as they are: crop pixels. Where the head is in the picture counts.
clip    one similarity (shift, scale, rotation) a clip brings the prediction nearest to the target over all
        frames and points: where the head is does not count, how it moves does.
frame   the head's motion is taken out of both: the stable points (eye corners, nose bridge) of every
        frame are brought onto the target's median face. Expression only.
"""

import numpy as np

from kfusion.landmarks import Points, fit_similarity, remove_head_motion

ALIGNMENTS = {
    "raw": "crop pixels as they are",
    "clip": "one similarity Procrustes fit a clip, all frames and points",
    "frame": "head motion taken out of both: stable points of each frame on the target's median face",
}


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
