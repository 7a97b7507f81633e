import numpy as np
import pytest
from factories.motion import closed_face

from kfusion import assets, face_shapes
from kfusion.errors import MissingWeightsError
from kfusion.face_shapes import ARKIT_SHAPES, shape_directions
from kfusion.landmarks import MIRROR


def test_there_are_52_shapes_and_each_left_one_has_a_right_one() -> None:
    assert len(set(ARKIT_SHAPES)) == 52
    lefts = {name.removesuffix("Left") for name in ARKIT_SHAPES if name.endswith("Left")}
    assert lefts == {name.removesuffix("Right") for name in ARKIT_SHAPES if name.endswith("Right")}


def test_directions_have_arkits_names_and_leave_out_what_points_do_not_show() -> None:
    names = set(shape_directions(closed_face()))
    assert names <= set(ARKIT_SHAPES)
    unseen = {name for name in ARKIT_SHAPES if name.startswith("eyeLook")}
    assert set(ARKIT_SHAPES) - names == unseen | {"jawForward", "mouthClose", "cheekPuff", "tongueOut"}


def test_a_right_shape_is_the_left_one_in_a_mirror() -> None:
    directions = shape_directions(closed_face())
    for name in (name for name in directions if name.endswith("Left")):
        right = directions[f"{name.removesuffix('Left')}Right"]
        np.testing.assert_allclose(right, directions[name][MIRROR] * (-1, 1))


@pytest.mark.parametrize(
    ("name", "point", "axis", "sign"),
    [
        ("jawOpen", 8, 1, 1),
        ("mouthSmileLeft", 54, 1, -1),
        ("mouthSmileLeft", 54, 0, 1),
        ("mouthFrownLeft", 54, 1, 1),
        ("browDownLeft", 23, 1, 1),
        ("browInnerUp", 21, 1, -1),
        ("browOuterUpRight", 18, 1, -1),
        ("eyeBlinkLeft", 43, 1, 1),
        ("eyeWideRight", 37, 1, -1),
        ("eyeSquintLeft", 46, 1, -1),
        ("noseSneerLeft", 35, 1, -1),
        ("mouthUpperUpLeft", 52, 1, -1),
        ("mouthLowerDownRight", 58, 1, 1),
        ("mouthLeft", 51, 0, 1),
        ("jawRight", 8, 0, -1),
        ("mouthPucker", 54, 0, -1),
        ("mouthStretchLeft", 54, 0, 1),
    ],
)
def test_a_shape_moves_its_point_where_its_name_says(name: str, point: int, axis: int, sign: int) -> None:
    assert shape_directions(closed_face())[name][point, axis] * sign > 0.01


def test_missing_shapes_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(assets, "FACE_SHAPES", tmp_path / "none.npz")
    face_shapes._measured.cache_clear()
    with pytest.raises(MissingWeightsError, match="install kfusion again"):
        shape_directions(closed_face())
    face_shapes._measured.cache_clear()
