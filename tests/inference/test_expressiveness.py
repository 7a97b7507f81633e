"""Motion scaled about the face at rest: lips that close keep closed, and never cross."""

import numpy as np
import pytest
from factories.inputs import face_points

from kfusion.inference.expressiveness import motion_scaler, scale_motion
from kfusion.landmarks import CLOSED, Points, mouth_opening, unit_frame

INNER = ((61, 67), (62, 66), (63, 65))
AMOUNTS = (0, 0.3, 0.99, 1.01, 1.5, 2)


def rest() -> Points:
    face = unit_frame(face_points())(face_points())
    for upper, lower in INNER:
        face[lower] = face[upper]
    return face


def talking(gaps: np.ndarray, seed: int = 0) -> Points:
    """Faces whose inner lips are so far apart, and which move a little everywhere."""
    random = np.random.default_rng(seed)
    faces = np.repeat(rest()[None], len(gaps), axis=0)
    faces += random.normal(0, 0.02, (len(gaps), 68, 1)).astype(np.float32)
    for upper, lower in INNER:
        faces[:, lower] = faces[:, upper]
        faces[:, lower, 1] += gaps
    return faces.astype(np.float32)


def gaps_of(faces: Points) -> np.ndarray:
    """How far each lower inner lip lies below the upper one, (T, 3)."""
    return np.stack([faces[:, lower, 1] - faces[:, upper, 1] for upper, lower in INNER], axis=1)


def test_one_is_the_same_array() -> None:
    faces = talking(np.linspace(-0.01, 0.2, 20))
    assert scale_motion(faces, rest(), 1) is faces
    assert motion_scaler(lambda: pytest.fail("nobody asked"), 1.0)(faces) is faces


def test_none_is_the_face_at_rest_with_its_lips_together() -> None:
    faces = talking(np.linspace(-0.01, 0.2, 20))
    np.testing.assert_allclose(scale_motion(faces, rest(), 0), np.repeat(rest()[None], 20, 0), atol=1e-6)
    parted = rest()
    for _, lower in INNER:
        parted[lower, 1] += 0.1
    still = scale_motion(faces, parted, 0)
    np.testing.assert_allclose(gaps_of(still), 0, atol=1e-6)
    np.testing.assert_allclose(still[:, :48], np.repeat(parted[None, :48], 20, 0), atol=1e-6)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_closed_lips_stay_closed(amount: float) -> None:
    faces = talking(np.linspace(0, CLOSED, 30))
    opened = mouth_opening(scale_motion(faces, rest(), amount))
    assert (opened <= mouth_opening(faces) + 1e-6).all()
    if amount > 1:
        np.testing.assert_allclose(opened, mouth_opening(faces), atol=1e-6)


@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize("resting_gap", [-0.01, 0.0, 0.12])
def test_lips_never_cross_whatever_the_face_at_rest_is_like(amount: float, resting_gap: float) -> None:
    base = rest()
    for _, lower in INNER:
        base[lower, 1] += resting_gap
    faces = talking(np.linspace(-0.03, 0.3, 60), seed=3)
    assert gaps_of(scale_motion(faces, base, amount)).min() >= -1e-6


def test_an_open_mouth_opens_so_much_more_without_a_jump() -> None:
    gaps = np.linspace(0, 0.2, 2001)
    opened = gaps_of(scale_motion(talking(gaps), rest(), 1.5))[:, 1]
    assert np.diff(opened).min() >= -1e-6
    assert np.diff(opened).max() < 1.6 * (gaps[1] - gaps[0])
    assert np.ptp(opened[gaps > CLOSED]) / np.ptp(gaps[gaps > CLOSED]) == pytest.approx(1.5, rel=1e-3)
    halved = gaps_of(scale_motion(talking(gaps), rest(), 0.5))[:, 1]
    np.testing.assert_allclose(halved, 0.5 * gaps, atol=1e-6)


def test_what_is_not_the_mouth_moves_so_many_times_as_far() -> None:
    faces = talking(np.full(5, 0.1))
    scaled = scale_motion(faces, rest(), 1.7)
    np.testing.assert_allclose(scaled[:, :48] - rest()[:48], 1.7 * (faces[:, :48] - rest()[:48]), atol=1e-6)


def test_the_outer_lips_go_with_the_inner_ones() -> None:
    """So that lips get no thinner where they are kept together."""
    faces = talking(np.full(1, CLOSED))
    linear = rest() + 2 * (faces - rest())
    scaled = scale_motion(faces, rest(), 2)
    for inner, outer in ((62, 51), (66, 57), (61, 50), (65, 56)):
        np.testing.assert_allclose(scaled[0, outer] - scaled[0, inner], linear[0, outer] - linear[0, inner], atol=1e-6)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_a_frame_does_not_depend_on_the_others(amount: float) -> None:
    faces = talking(np.linspace(-0.01, 0.2, 12))
    whole = scale_motion(faces, rest(), amount)
    one_by_one = [scale_motion(faces[n : n + 1], rest(), amount) for n in range(len(faces))]
    np.testing.assert_array_equal(np.concatenate(one_by_one), whole)
    assert whole.dtype == np.float32
