import numpy as np
import pytest

from kfusion.formats.rotation import gltf_rotation, unity_rotation


def turned(quaternion, vector):
    """The vector after the rotation, by the book: v + 2 w (u x v) + 2 u x (u x v)."""
    u, w = np.array(quaternion[:3]), quaternion[3]
    return vector + 2 * w * np.cross(u, vector) + 2 * np.cross(u, np.cross(u, vector))


def test_a_head_that_turns_left_looks_left_in_the_axes_of_gltf():
    gaze = turned(gltf_rotation(np.pi / 2, 0, 0), np.array([0.0, 0, 1]))
    np.testing.assert_allclose(gaze, [1, 0, 0], atol=1e-12)  # x: the character's left


def test_a_head_that_looks_up_looks_up():
    np.testing.assert_allclose(turned(gltf_rotation(0, np.pi / 2, 0), np.array([0.0, 0, 1])), [0, 1, 0], atol=1e-12)


def test_a_head_that_tilts_left_has_its_top_on_its_left():
    np.testing.assert_allclose(turned(gltf_rotation(0, 0, np.pi / 2), np.array([0.0, 1, 0])), [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("angles", [(0.3, 0.1, -0.2), (-0.5, 0.4, 0.1)])
def test_unity_turns_the_same_head_in_its_mirrored_axes(angles):
    """x is negated there; the formula of a rotation is the same in axes of either hand."""
    mirror = np.array([-1, 1, 1])
    for axis in np.eye(3):
        expected = mirror * turned(gltf_rotation(*angles), axis)
        np.testing.assert_allclose(turned(unity_rotation(*angles), mirror * axis), expected, atol=1e-12)
