import numpy as np
import pytest
from factories.evaluation import at, still

from kfusion.evaluation.metrics.distance import landmark_distance
from kfusion.evaluation.metrics.velocity import (
    face_dynamics_deviation,
    jerk,
    landmark_velocity_difference,
    motion_ratio,
    silence_speed,
)


def test_a_constant_velocity_gives_its_size_as_velocity_difference() -> None:
    drift = np.arange(6)[:, None, None] * np.array([3.0, 4.0])
    assert landmark_velocity_difference(still() + drift, still()) == pytest.approx(5)
    assert landmark_distance(still() + drift, still()) == pytest.approx(5 * np.arange(6).mean())


def test_one_jump_counts_once_over_the_frames_between() -> None:
    jumped = still(5)
    jumped[3:] += [6, 8]
    assert landmark_velocity_difference(jumped, still(5)) == pytest.approx(10 / 4)
    assert landmark_distance(jumped, still(5)) == pytest.approx(10 * 2 / 5)


def test_shuffling_the_frames_changes_the_velocity_difference_and_not_the_distance() -> None:
    moving = still(30) + np.cumsum(np.random.default_rng(0).normal(size=(30, 68, 2)), axis=0)
    order = np.random.default_rng(1).permutation(30)
    assert landmark_distance(moving[order], still(30)) == pytest.approx(landmark_distance(moving, still(30)))
    before = landmark_velocity_difference(moving, still(30))
    assert landmark_velocity_difference(moving[order], still(30)) > 1.5 * before


def test_a_single_frame_has_no_velocity() -> None:
    assert np.isnan(landmark_velocity_difference(still(1), still(1)))


def test_half_the_movement_is_a_motion_ratio_of_one_half() -> None:
    move = np.random.default_rng(0).normal(size=(40, 68, 2))
    assert motion_ratio(still(40) + 0.5 * move, still(40) + move, 0.01) == pytest.approx(0.5, rel=1e-5)
    assert motion_ratio(still(40), still(40) + move, 0.01) == 0
    assert np.isnan(motion_ratio(still(40) + move, still(40), 0.01))


def test_the_speed_in_silence_counts_steps_between_silent_frames_only() -> None:
    points = still(6)
    points[1:] += [3, 4]
    points[4:] += [100, 0]
    silent = np.array([True, True, True, False, True, True])
    assert silence_speed(points, silent) == pytest.approx(5 / 3, abs=1e-5)
    assert np.isnan(silence_speed(points, np.zeros(6, bool)))


def test_jerk_is_the_third_difference() -> None:
    time = np.arange(8.0)[:, None, None]
    assert jerk((time**3 * np.array([3, 4])).astype(np.float32)) == pytest.approx(6 * 5)
    assert jerk((time**2 * np.array([3, 4])).astype(np.float32)) == pytest.approx(0)


def test_the_face_dynamics_deviation_is_the_motion_that_is_missing() -> None:
    target = at(-1, 0, 1, 0)  # 1, 0, 1, 0 from the mean: spread 1/2
    assert face_dynamics_deviation(at(0, 0, 0, 0), target) == pytest.approx(0.5)
    assert face_dynamics_deviation(3 * target, target) == pytest.approx(0.5 - 1.5)
    assert face_dynamics_deviation(target + 7, target) == pytest.approx(0)
    assert np.isnan(face_dynamics_deviation(at(0), at(0)))
