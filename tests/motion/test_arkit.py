import numpy as np
import pytest
from factories.motion import closed_face, opened, smiling_left, speaking, winking_left

from kfusion.face_shapes import ARKIT_SHAPES, shape_directions, to_mean_face
from kfusion.landmarks import MIRROR, Points
from kfusion.motion.arkit import ArkitSolver


@pytest.fixture(scope="module")
def solver() -> ArkitSolver:
    return ArkitSolver(closed_face())


def named(weights: np.ndarray) -> dict[str, float]:
    """The weights of one frame that are not 0."""
    return {name: float(value) for name, value in zip(ARKIT_SHAPES, weights, strict=True) if value}


def mirrored(face: Points) -> Points:
    """The face seen in a mirror, in a picture 600 pixels wide."""
    return face[MIRROR] * np.array([-1, 1], np.float32) + np.array([600, 0], np.float32)


def test_the_resting_face_has_no_weights(solver: ArkitSolver) -> None:
    assert named(solver(closed_face()[None])[0]) == {}


def test_a_trembling_resting_face_has_none_either(solver: ArkitSolver) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, (50, 68, 2)).astype(np.float32)
    assert not solver(closed_face() + noise).any()


def test_a_smile_on_the_characters_left_is_a_left_smile(solver: ArkitSolver) -> None:
    weights = named(solver(smiling_left()[None])[0])
    assert weights["mouthSmileLeft"] > 0.2
    assert weights.get("mouthSmileRight", 0) < 0.1 * weights["mouthSmileLeft"]


def test_a_mirrored_face_has_mirrored_weights() -> None:
    left, right = (ArkitSolver(face(closed_face()))(face(smiling_left())[None])[0] for face in (np.array, mirrored))
    swapped = [name.replace("Left", "#").replace("Right", "Left").replace("#", "Right") for name in ARKIT_SHAPES]
    np.testing.assert_allclose(left, right[[ARKIT_SHAPES.index(name) for name in swapped]], atol=1e-3)


def test_a_wink_of_the_left_eye_shuts_the_left_lid_alone(solver: ArkitSolver) -> None:
    weights = named(solver(winking_left()[None])[0])
    assert weights["eyeBlinkLeft"] > 0.9
    assert weights.get("eyeBlinkRight", 0) < 0.05


@pytest.mark.parametrize("name", ["jawLeft", "mouthRight", "jawOpen", "mouthPucker", "mouthSmileRight", "browDownLeft"])
def test_a_shape_that_moves_the_points_is_found_again(solver: ArkitSolver, name: str) -> None:
    rest = closed_face()
    back = np.linalg.inv(to_mean_face(rest).matrix)
    face = (rest + 0.4 * shape_directions(rest)[name] @ back.T).astype(np.float32)
    weights = named(solver(face[None])[0])
    assert max(weights, key=lambda key: weights[key]) == name
    assert weights[name] == pytest.approx(0.4, abs=0.1)


def test_jaw_and_mouth_never_go_both_ways(solver: ArkitSolver) -> None:
    noise = np.random.default_rng(1).normal(0, 3, (100, 68, 2)).astype(np.float32)
    weights = solver(closed_face() + noise)
    for shape in ("jaw", "mouth"):
        left, right = (weights[:, ARKIT_SHAPES.index(f"{shape}{side}")] for side in ("Left", "Right"))
        assert (left * right == 0).all()
    assert weights.min() >= 0
    assert weights.max() <= 1


def test_the_jaw_opens_as_the_lips_part(solver: ArkitSolver) -> None:
    amounts = np.linspace(0, 1, 20)
    jaw = solver(np.stack([opened(amount) for amount in amounts]))[:, ARKIT_SHAPES.index("jawOpen")]
    assert np.corrcoef(jaw, amounts)[0, 1] > 0.99
    assert 0.15 < jaw[-1] < 0.5


def test_a_tilted_and_moved_head_has_the_weights_of_a_straight_one(solver: ArkitSolver) -> None:
    face = smiling_left()
    angle = np.radians(12)
    turn = 1.2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    tilted = ((face - 300) @ turn.T + 310).astype(np.float32)
    np.testing.assert_allclose(solver(tilted[None]), solver(face[None]), atol=2e-3)


def test_a_stream_gets_what_a_recording_gets(solver: ArkitSolver) -> None:
    points = speaking().points
    pieces = [solver(points[start : start + 7]) for start in range(0, len(points), 7)]
    np.testing.assert_allclose(np.concatenate(pieces), solver(points), atol=1e-6)


def test_no_frames_have_no_weights(solver: ArkitSolver) -> None:
    assert solver(np.zeros((0, 68, 2), np.float32)).shape == (0, 52)
