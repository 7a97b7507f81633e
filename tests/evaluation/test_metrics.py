import numpy as np
import pytest
from factories import face_points

from kfusion.evaluation.metrics import (
    METRICS,
    clip_metrics,
    closure_f1,
    correlation,
    jerk,
    landmark_distance,
    landmark_velocity_difference,
    motion_ratio,
    opening_lag,
    silence_speed,
)
from kfusion.landmarks import MOUTH


def still(frames: int = 6) -> np.ndarray:
    return np.repeat(face_points()[None], frames, axis=0)


def wave(frames: int = 90, delay: float = 0.0) -> np.ndarray:
    time = np.arange(frames) - delay
    return 0.1 + 0.05 * np.sin(time / 3.1) + 0.03 * np.sin(time / 1.7 + 1)


def scores(predicted: np.ndarray, target: np.ndarray, silent: np.ndarray | None = None) -> dict[str, float]:
    quiet = np.zeros(len(target), bool) if silent is None else silent
    return clip_metrics(predicted, target, inter_ocular_px=50.0, silent=quiet)


def test_a_shift_of_three_and_four_gives_a_distance_of_five_and_no_velocity_difference() -> None:
    found = scores(still() + np.array([3, 4], np.float32), still())
    for part in "MFR":
        assert found[f"{part}-LD"] == pytest.approx(5, abs=1e-5)
        assert found[f"{part}-LVD"] == pytest.approx(0, abs=1e-5)
        assert found[f"{part}-LD-iod"] == pytest.approx(10, abs=1e-4)


def test_a_constant_velocity_gives_its_size_as_velocity_difference() -> None:
    drift = np.arange(6)[:, None, None] * np.array([3.0, 4.0])
    assert landmark_velocity_difference(still() + drift, still()) == pytest.approx(5)
    assert landmark_distance(still() + drift, still()) == pytest.approx(5 * np.arange(6).mean())


def test_one_jump_counts_once_over_the_frames_between() -> None:
    jumped = still(5)
    jumped[3:] += [6, 8]
    assert landmark_velocity_difference(jumped, still(5)) == pytest.approx(10 / 4)
    assert landmark_distance(jumped, still(5)) == pytest.approx(10 * 2 / 5)


def test_the_mouth_the_face_and_the_rest_see_their_own_points() -> None:
    moved = still()
    moved[:, MOUTH] += [3, 4]
    found = scores(moved, still())
    assert found["M-LD"] == pytest.approx(5, abs=1e-5)
    assert found["F-LD"] == pytest.approx(5 * 20 / 68, abs=1e-5)
    assert found["R-LD"] == pytest.approx(0, abs=1e-5)


def test_shuffling_the_frames_changes_the_velocity_difference_and_not_the_distance() -> None:
    moving = still(30) + np.cumsum(np.random.default_rng(0).normal(size=(30, 68, 2)), axis=0)
    order = np.random.default_rng(1).permutation(30)
    assert landmark_distance(moving[order], still(30)) == pytest.approx(landmark_distance(moving, still(30)))
    before = landmark_velocity_difference(moving, still(30))
    assert landmark_velocity_difference(moving[order], still(30)) > 1.5 * before


def test_the_distance_does_not_grow_with_the_length_of_the_clip() -> None:
    shift = np.array([3, 4], np.float32)
    assert landmark_distance(still(4) + shift, still(4)) == pytest.approx(
        landmark_distance(still(64) + shift, still(64))
    )


def test_a_single_frame_has_no_velocity() -> None:
    assert np.isnan(landmark_velocity_difference(still(1), still(1)))


def test_the_correlation_does_not_see_scale_and_offset_but_sees_the_sign() -> None:
    assert correlation(3 * wave() + 1, wave()) == pytest.approx(1)
    assert correlation(-wave(), wave()) == pytest.approx(-1)


def test_a_motionless_prediction_has_neither_correlation_nor_lag() -> None:
    assert np.isnan(correlation(np.full(90, 0.1), wave()))
    assert np.isnan(opening_lag(np.full(90, 0.1), wave()))
    assert np.isnan(correlation(np.full(90, 0.1) + 1e-7 * wave(), wave()))


@pytest.mark.parametrize("delay", [-3.0, 0.0, 2.0, 1.4])
def test_a_late_prediction_has_a_positive_lag(delay: float) -> None:
    assert opening_lag(wave(delay=delay), wave()) == pytest.approx(delay, abs=0.1)


def test_two_frames_are_67_ms() -> None:
    target = still(90)
    target[:, 66, 1] += (100 * wave()).astype(np.float32)
    late = np.concatenate([np.repeat(target[:1], 2, axis=0), target[:-2]])
    found = scores(late, target)
    assert found["lag_frames"] == pytest.approx(2, abs=0.05)
    assert found["lag_ms"] == pytest.approx(66.7, abs=2)


def test_a_clip_of_eleven_frames_is_too_short_for_a_lag() -> None:
    assert np.isnan(opening_lag(wave(11), wave(11)))
    assert not np.isnan(opening_lag(wave(12), wave(12)))


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


def test_closures_count_hits_misses_and_false_alarms() -> None:
    target = np.array([0.01, 0.01, 0.2, 0.2, 0.01])
    predicted = np.array([0.01, 0.2, 0.01, 0.2, 0.01])
    heard = np.array([True, True, True, True, False])
    assert closure_f1(predicted, target, heard) == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert np.isnan(closure_f1(np.full(5, 0.2), np.full(5, 0.2), heard))


def test_every_score_is_described_and_the_target_itself_is_perfect() -> None:
    target = still(60)
    target[:, [65, 66, 67], 1] += (60 * wave(60)).astype(np.float32)[:, None]
    found = scores(target, target, np.arange(60) < 10)
    assert set(found) == set(METRICS)
    assert found["F-LD"] == found["F-LVD"] == 0
    assert found["opening_correlation"] == pytest.approx(1)
    assert found["motion_ratio"] == pytest.approx(1)
    assert found["lag_frames"] == pytest.approx(0, abs=0.1)
