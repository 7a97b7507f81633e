"""Faces that smile, wink and speak, made by hand: what motion is tested with."""

import numpy as np
from numpy.typing import NDArray

from kfusion import assets
from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.landmarks import LandmarkSequence
from kfusion.motion.face_motion import Motion

EYES_PX = 120.0
LEFT_CORNER = (54, 53, 55, 64)
"""Points of the character's left corner of the mouth, on the right of the picture."""
LOWER = (55, 56, 57, 58, 59, 65, 66, 67)
CHIN = (5, 6, 7, 8, 9, 10, 11)
UPPER_LID, LOWER_LID = (43, 44), (47, 46)
"""Of the character's left eye."""


def closed_face() -> NDArray[np.float32]:
    """The packaged mean face in a picture, mouth closed, (68, 2), 120 pixels between the eyes."""
    face = np.load(assets.MEAN_FACE).astype(np.float64)
    return (face * EYES_PX + (300, 250)).astype(np.float32)


def smiling_left(amount: float = 1.0) -> NDArray[np.float32]:
    """The character pulls the left corner of the mouth outwards and up."""
    face = closed_face()
    for point, share in zip(LEFT_CORNER, (1.0, 0.6, 0.6, 0.8), strict=True):
        face[point] += np.float32(amount * share * EYES_PX) * np.array([0.08, -0.09], np.float32)
    return face


def opened(amount: float = 1.0) -> NDArray[np.float32]:
    """The lower lip and the chin go down, by a tenth of the distance between the eyes."""
    face = closed_face()
    face[[*LOWER, *CHIN], 1] += np.float32(amount * 0.1 * EYES_PX)
    return face


def winking_left() -> NDArray[np.float32]:
    """The character shuts the left eye."""
    face = closed_face()
    face[list(UPPER_LID)] = face[list(LOWER_LID)]
    return face


def sequence_of(*faces: NDArray[np.float32], fps: float = 30.0) -> LandmarkSequence:
    """A recording that shows the faces one after the other."""
    return LandmarkSequence(points=np.stack(faces), fps=fps, model="by-hand")


def speaking(seconds: float = 1.0, fps: float = 30.0) -> LandmarkSequence:
    """A mouth that opens three times a second and smiles more and more on the left."""
    times = np.arange(round(seconds * fps)) / fps
    rest = closed_face()
    faces = [opened(0.5 - 0.5 * np.cos(2 * np.pi * 3 * time)) + smiling_left(time / seconds) - rest for time in times]
    return sequence_of(*faces, fps=fps)


def shaped(frames: int = 31, fps: float = 30.0, **weights: float) -> Motion:
    """Weights that grow evenly from 0 to those named, and a head that turns to yaw 12, pitch 6, roll 3 degrees."""
    grown = np.linspace(0, 1, frames, dtype=np.float32)[:, None]
    row = np.array([weights.get(name, 0.0) for name in ARKIT_SHAPES], np.float32)
    head = np.radians(np.array([12, 6, 3], np.float32))
    sequence = LandmarkSequence(points=np.repeat(closed_face()[None], frames, axis=0), fps=fps, model="by-hand")
    return Motion(sequence=sequence, weights=grown * row, head=grown * head)
