from dataclasses import replace

import numpy as np
import pytest
from factories.training import talking_face

from kfusion.landmarks import EYE_CORNERS, mouth_opening, unit_frame
from kfusion.training.faces import FaceChange, _bent, at_speed, identity_face, rest_face, unit_target

CORNERS = list(EYE_CORNERS)


@pytest.fixture
def target() -> np.ndarray:
    return unit_target(talking_face(30, 0))


@pytest.mark.parametrize("seed", range(12))
def test_identity_and_target_are_changed_by_the_same_map(target: np.ndarray, seed: int) -> None:
    change = replace(FaceChange.draw(np.random.default_rng(seed)), agape=0.0)
    identity, changed = change.apply(identity_face(target[7]), np.stack([identity_face(target[7]), *target]))
    assert np.allclose(changed[0], identity, atol=1e-6)


def test_an_open_mouth_of_the_portrait_is_not_passed_on_to_the_target(target: np.ndarray) -> None:
    shut = replace(FaceChange.draw(np.random.default_rng(0)), agape=0.0)
    closed, expected = shut.apply(identity_face(target[7]), target)
    agape, found = replace(shut, agape=0.1).apply(identity_face(target[7]), target)
    assert np.array_equal(found, expected)
    assert mouth_opening(agape) - mouth_opening(closed) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("seed", range(12))
def test_the_eye_corners_stay_so_that_the_unit_frame_does(target: np.ndarray, seed: int) -> None:
    identity, changed = FaceChange.draw(np.random.default_rng(seed)).apply(identity_face(target[0]), target)
    assert np.allclose(identity[CORNERS], [[-0.5, 0], [0.5, 0]], atol=1e-5)
    assert np.allclose(unit_frame(identity)(changed), changed, atol=1e-5)


def test_a_mouth_that_opens_still_opens_at_the_same_moments(target: np.ndarray) -> None:
    for seed in range(12):
        _, changed = FaceChange.draw(np.random.default_rng(seed)).apply(identity_face(target[0]), target)
        assert np.corrcoef(mouth_opening(changed), mouth_opening(target))[0, 1] > 0.99


def test_changes_do_not_touch_what_they_are_given(target: np.ndarray) -> None:
    identity, before = identity_face(target[0]), target.copy()
    kept = identity.copy()
    FaceChange.draw(np.random.default_rng(0)).apply(identity, target)
    assert np.array_equal(target, before)
    assert np.array_equal(identity, kept)


def test_position_size_and_rotation_in_the_picture_do_not_matter() -> None:
    points = talking_face(20, 1)
    turned = points @ np.array([[0.8, -0.6], [0.6, 0.8]], np.float32) * 2.5 + np.array([31, -7], np.float32)
    assert np.allclose(unit_target(turned), unit_target(points), atol=1e-3)


def test_head_motion_is_kept_only_where_that_is_asked_for() -> None:
    still = talking_face(20, 0)
    nodding = still + np.linspace(0, 20, 20, dtype=np.float32)[:, None, None]
    assert np.allclose(unit_target(nodding)[:, CORNERS].std(0), 0, atol=0.01)
    assert unit_target(nodding, head_motion=True)[:, CORNERS].std(0).max() > 0.05


def test_the_resting_face_has_the_mouth_closed(target: np.ndarray) -> None:
    assert mouth_opening(rest_face(target)) < np.quantile(mouth_opening(target), 0.3)


def test_a_clip_played_twice_as_fast_shows_every_other_frame(target: np.ndarray) -> None:
    assert np.allclose(at_speed(target, 2.0, 15), target[::2])
    assert np.allclose(at_speed(target, 0.5, 59)[1::2], (target[:-1] + target[1:]) / 2, atol=1e-6)
    assert at_speed(target, 1.0, 30) is target
    assert np.allclose(at_speed(target, 1.0, 33)[30:], target[-1])


def test_a_bend_adds_its_terms_to_every_point() -> None:
    faces = np.zeros((1, 68, 2), np.float32)
    faces[0, 3] = [0.5, 2.0]
    bend = np.zeros((8, 2), np.float32)
    bend[1], bend[3] = [0.1, 0.0], [0.0, 0.2]  # x gets 0.1 y, y gets 0.2 x y
    assert _bent(faces, bend)[0, 3] == pytest.approx([0.5 + 0.2, 2.0 + 0.2])
    assert np.array_equal(_bent(faces, 0 * bend), faces)
