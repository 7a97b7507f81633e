"""An emotion on a face that speaks, by rule: the displacements of its action units, added frame by frame.

What opens the mouth is added as far as speech has it open, and what moves the lids as far as they are: lips that are
closed stay closed, and so do eyes. The lips of both rows move together otherwise.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kfusion.emotion import EMOTIONS
from kfusion.emotion.action_units import emotion_weights
from kfusion.face_shapes import Direction, shape_directions, to_mean_face
from kfusion.landmarks import JAW, Points, eased

NEUTRAL = "neutral"
CLOSED = 0.012
"""Inner lips this near to each other, in eye distances, are closed: those of a face at rest are 0.005 to 0.01 apart."""
FULLY_OPEN = 0.1
"""Inner lips this far apart take all of what an emotion opens."""
_UPPER = [49, 50, 51, 52, 53, 61, 62, 63]
_LOWER = [59, 58, 57, 56, 55, 67, 66, 65]
"""Points of the lips, and those that meet them when the mouth shuts."""
_INNER_UPPER, _INNER_LOWER = [61, 62, 63], [67, 66, 65]
_EYES = (slice(36, 42), slice(42, 48))
_UPPER_LIDS, _LOWER_LIDS = ([37, 38], [43, 44]), ([41, 40], [47, 46])


def expression_layer(face: Points, labels: tuple[int, int], learnt: Sequence[str] = ()) -> Callable[[Points], Points]:
    """What adds an emotion to frames (T, 68, 2) of a face; the same frames where there is none to add.

    Args:
        face: who speaks, (68, 2), unit frame, as the frames.
        labels: the emotion and the intensity, as `emotion_index` gives them.
        learnt: the emotions that the model was trained with, which are its own matter.
    """
    number, intensity = labels
    if number == 0 or EMOTIONS[number - 1] in (*learnt, NEUTRAL):
        return lambda points: points
    moved = expression_displacement(face, EMOTIONS[number - 1], intensity or None)
    open_eyes = _eye_openings(face[None].astype(np.float64))[0]
    return lambda points: _expressed(points, moved, open_eyes)


def expression_displacement(face: Points, emotion: str, intensity: int | None = None) -> Direction:
    """How a silent face (68, 2), in any frame, moves when it shows an emotion, (68, 2).

    Raises:
        InputError: the emotion or the intensity is unknown.
    """
    directions = shape_directions(face)
    weights = emotion_weights(emotion, intensity)
    moved = sum((weight * directions[name] for name, weight in weights.items()), np.zeros((len(face), 2)))
    turned: Direction = moved @ np.linalg.inv(to_mean_face(face).matrix).T
    return turned


def _expressed(points: Points, moved: Direction, open_eyes: NDArray[np.float64]) -> Points:
    spoken = points.astype(np.float64)
    added = np.repeat(moved[None], len(points), axis=0)
    opened = eased((_parting(spoken) - CLOSED) / (FULLY_OPEN - CLOSED))[:, None, None]
    apart = (1 - opened) * (moved[_LOWER] - moved[_UPPER])
    added[:, _UPPER] += apart / 2
    added[:, _LOWER] -= apart / 2
    added[:, JAW] *= opened
    lids = np.clip(_eye_openings(spoken) / open_eyes, 0, 1)
    for side, eye in enumerate(_EYES):
        added[:, eye] *= lids[:, side, None, None]
    return (spoken + added).astype(np.float32)


def _parting(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the inner lips are apart where they are furthest, (T,); nothing where they cross."""
    return np.asarray((points[:, _INNER_LOWER, 1] - points[:, _INNER_UPPER, 1]).max(-1).clip(0))


def _eye_openings(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the lids of the right and the left eye are apart, (T, 2)."""
    pairs = zip(_UPPER_LIDS, _LOWER_LIDS, strict=True)
    heights = [(points[:, lower, 1] - points[:, upper, 1]).mean(-1).clip(1e-6) for upper, lower in pairs]
    return np.stack(heights, -1)
