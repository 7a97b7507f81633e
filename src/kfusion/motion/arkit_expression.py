"""An emotion in ARKit's weights, for an avatar whose motion was read from a face that speaks without one."""

from dataclasses import replace

import numpy as np

from kfusion.emotion.action_units import emotion_weights
from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.motion.face_motion import Motion

OPENING = ("jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")
"""Shapes that open the mouth: of an emotion they come as far as speech opens it."""
FULLY_OPEN = 0.15
"""The `jawOpen` of speech that takes all of what an emotion opens."""


def express_motion(motion: Motion, emotion: str, intensity: int | None = None) -> Motion:
    """The motion with the action units of an emotion added; lips and lids that are closed stay closed.

    The landmarks stay as they are. Motion that `kfusion generate --emotion` made has the emotion already.

    Raises:
        InputError: the emotion or the intensity is unknown.
    """
    opened = np.clip(motion.of("jawOpen") / FULLY_OPEN, 0, 1)
    weights = motion.weights.copy()
    for name, weight in emotion_weights(emotion, intensity).items():
        share = opened if name in OPENING else _lid_share(motion, name)
        weights[:, ARKIT_SHAPES.index(name)] += np.float32(weight) * share
    return replace(motion, weights=np.minimum(weights, np.float32(1)))


def _lid_share(motion: Motion, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float32]] | np.float32":
    """How much of a shape is added: of the lids' as far as the eye is open."""
    if not name.startswith(("eyeWide", "eyeSquint")):
        return np.float32(1)
    side = "Left" if name.endswith("Left") else "Right"
    share: np.ndarray[tuple[int], np.dtype[np.float32]] = np.float32(1) - motion.of(f"eyeBlink{side}")
    return share
