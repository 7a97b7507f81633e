import numpy as np
import pytest
from factories.motion import EYES_PX, closed_face, speaking

from kfusion.face_shapes import mean_face_depth
from kfusion.motion.head_pose import HeadReader


def turned(yaw: float, roll: float) -> np.ndarray:
    """The mean face in relief, turned to its left and tilted to its left by radians, (68, 2) pixels."""
    flat, depth = mean_face_depth()
    x = flat[:, 0] * np.cos(yaw) - depth * np.sin(yaw)  # what lies nearer than the eyes goes to the character's left
    face = np.stack([x, flat[:, 1]], -1)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return (face @ turn.T * EYES_PX + (300, 250)).astype(np.float32)


@pytest.mark.parametrize(("yaw", "roll"), [(15, 0), (-15, 0), (0, 10), (0, -10), (10, 8)])
def test_a_turned_head_is_read_less_the_tremble(yaw: float, roll: float) -> None:
    angles = np.degrees(HeadReader(closed_face())(turned(np.radians(yaw), np.radians(roll))[None])[0])
    expected = [np.sign(value) * max(0, abs(value) - 1) for value in (yaw, 0, roll)]
    np.testing.assert_allclose(angles, expected, atol=0.8)


def test_the_nose_of_a_head_that_turns_left_goes_to_the_right_of_the_picture() -> None:
    face, left = closed_face(), turned(np.radians(15), 0)
    assert left[30, 0] - left[[36, 45], 0].mean() > face[30, 0] - face[[36, 45], 0].mean() + 5


def test_a_speaking_head_that_is_still_has_no_angles() -> None:
    assert not HeadReader(closed_face())(speaking().points).any()
