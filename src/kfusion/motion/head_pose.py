"""How a head is turned, from the points that follow it alone: eye corners and nose bridge.

The face of the first kind is flat: a picture shows x and y of its points, and their depth is that of the mean face. A
turned head shows as the picture of that relief under rotation, scale and shift (weak perspective). Whether it nods, so
few points do not tell apart from a nose and eyes that move (`docs/avatars.md`): the pitch is 0.
"""

import numpy as np
from numpy.typing import NDArray

from kfusion.face_shapes import mean_face_depth, to_mean_face
from kfusion.landmarks import STABLE_POINTS, Points

Angles = NDArray[np.float32]
"""Yaw, pitch and roll, (T, 3), radians: positive where the head turns to its left, looks up, and tilts to its left."""

_STILL = np.radians(1.0)
"""Angles up to this are none, and larger ones smaller by as much: the points of a still head tremble."""


class HeadReader:
    """Reads the head's rotation away from a resting face (68, 2), which itself counts as looking straight ahead."""

    def __init__(self, rest: Points) -> None:
        stable = list(STABLE_POINTS)
        self._place = to_mean_face(rest)
        depth = mean_face_depth()[1][stable, None]
        relief = np.concatenate([self._place(rest)[stable].astype(np.float64), depth], -1)
        self._solve = np.linalg.pinv(relief - relief.mean(0))

    def __call__(self, points: Points) -> Angles:
        """The angles of points (T, 68, 2) in the frame of the resting face; exactly 0 where the head is still."""
        seen = self._place(points)[:, list(STABLE_POINTS)].astype(np.float64)
        camera = np.swapaxes(self._solve @ (seen - seen.mean(1, keepdims=True)), 1, 2)  # (T, 2, 3)
        left, _, right = np.linalg.svd(camera, full_matrices=False)
        first, second = np.moveaxis(left @ right, 1, 0)  # rows of the nearest rotation
        yaw = np.arctan2(-first[:, 2], np.cross(first, second)[:, 2])
        roll = np.arctan2(-first[:, 1], second[:, 1])
        angles = np.stack([yaw, np.zeros_like(yaw), roll], -1)
        moved: Angles = (np.sign(angles) * np.maximum(np.abs(angles) - _STILL, 0)).astype(np.float32)
        return moved
