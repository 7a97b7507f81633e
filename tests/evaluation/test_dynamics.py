import time

import numpy as np
import pytest
from factories import face_points

from kfusion.evaluation.dynamics import (
    face_dynamics_deviation,
    lip_vertex_error,
    power_above,
    warped_distance,
)
from kfusion.evaluation.metrics import clip_metrics, landmark_distance
from kfusion.landmarks import MOUTH

FPS = 30


def at(*places: float) -> np.ndarray:
    """Two points that stand at these x in turn, 10 px above each other."""
    points = np.zeros((len(places), 2, 2), np.float32)
    points[:, :, 0] = np.array(places)[:, None]
    points[:, 1, 1] = 10
    return points


def swing(hz: float, size_px: float, frames: int = 90) -> np.ndarray:
    return at(*(size_px * np.sin(2 * np.pi * hz * np.arange(frames) / FPS)))


def fast(predicted: np.ndarray, target: np.ndarray) -> float:
    return power_above(predicted, target, 0.005, fps=FPS, above_hz=8)


def test_twice_the_fast_motion_is_four_times_the_power() -> None:
    assert fast(swing(11, 2), swing(11, 1)) == pytest.approx(4, rel=1e-3)
    assert fast(swing(11, 1), swing(11, 1)) == 1


def test_slow_motion_has_no_power_above_eight_hertz() -> None:
    assert fast(swing(3, 10), swing(11, 1)) == pytest.approx(0, abs=1e-3)
    assert fast(swing(3, 10) + swing(11, 1), swing(11, 1)) == pytest.approx(1, abs=0.01)


def test_a_drift_has_no_power_above_eight_hertz() -> None:
    assert fast(at(*(3.0 * np.arange(90))), swing(11, 1)) == pytest.approx(0, abs=1e-3)


def test_where_the_target_has_no_fast_motion_the_power_is_undefined() -> None:
    assert np.isnan(fast(swing(11, 1), at(*[1.0] * 90)))
    assert np.isnan(fast(swing(11, 1), swing(11, 0.001)))


def test_half_a_second_is_needed_to_tell_eight_hertz() -> None:
    assert np.isnan(fast(swing(11, 1, 15), swing(11, 1, 15)))
    assert fast(swing(11, 1, 16), swing(11, 1, 16)) == 1


def test_the_lip_vertex_error_is_the_largest_squared_error_of_a_frame() -> None:
    predicted = at(0, 0, 0)
    predicted[0, 1] += [3, 4]
    predicted[1] += [1, 0]
    assert lip_vertex_error(predicted, at(0, 0, 0)) == pytest.approx((25 + 1 + 0) / 3)
    assert np.isnan(lip_vertex_error(at(), at()))


def test_the_face_dynamics_deviation_is_the_motion_that_is_missing() -> None:
    target = at(-1, 0, 1, 0)  # 1, 0, 1, 0 from the mean: spread 1/2
    assert face_dynamics_deviation(at(0, 0, 0, 0), target) == pytest.approx(0.5)
    assert face_dynamics_deviation(3 * target, target) == pytest.approx(0.5 - 1.5)
    assert face_dynamics_deviation(target + 7, target) == pytest.approx(0)
    assert np.isnan(face_dynamics_deviation(at(0), at(0)))


def test_a_delay_costs_nothing_along_the_best_path() -> None:
    assert warped_distance(at(0, 0, 0, 1, 2, 3), at(0, 1, 2, 3, 3, 3)) == 0
    assert landmark_distance(at(0, 0, 0, 1, 2, 3), at(0, 1, 2, 3, 3, 3)) == 1


def test_the_best_path_is_that_of_hand_arithmetic() -> None:
    # Costs |p - q|: rows 0 -> (1, 4), 5 -> (4, 1). Straight: 2 * 1 + 2 * 1; over a corner: 2 + 4 + 1.
    assert warped_distance(at(0, 5), at(1, 4)) == pytest.approx(4 / 4)
    # 0 and 9 against 0, 0, 9: 0 stands twice, nothing is paid; 9 against 0, 0, 8 pays 2 * 1 of 5.
    assert warped_distance(at(0, 9), at(0, 0, 9)) == 0
    assert warped_distance(at(0, 9), at(0, 0, 8)) == pytest.approx(2 / 5)
    assert warped_distance(at(2), at(5, 6)) == pytest.approx((2 * 3 + 4) / 3)


def test_a_path_never_goes_backwards() -> None:
    assert warped_distance(at(0, 9, 0, 9), at(9, 0, 9, 0)) > 0


def test_the_best_path_is_that_of_a_plain_loop() -> None:
    random = np.random.default_rng(0)
    predicted, target = random.normal(size=(7, 3, 2)), random.normal(size=(10, 3, 2))
    cost = np.linalg.norm(predicted[:, None] - target[None], axis=-1).mean(-1)
    total = np.full((8, 11), np.inf)
    total[0, 0] = 0
    for i in range(1, 8):
        for j in range(1, 11):
            step = cost[i - 1, j - 1]
            total[i, j] = min(total[i - 1, j] + step, total[i, j - 1] + step, total[i - 1, j - 1] + 2 * step)
    found = warped_distance(predicted.astype(np.float32), target.astype(np.float32))
    assert found == pytest.approx(total[-1, -1] / 17, rel=1e-5)


def test_the_best_path_is_never_worse_than_no_warping() -> None:
    random = np.random.default_rng(1)
    for _ in range(5):
        predicted, target = (np.cumsum(random.normal(size=(30, 4, 2)), 0).astype(np.float32) for _ in range(2))
        assert warped_distance(predicted, target) <= landmark_distance(predicted, target) + 1e-6


def test_a_constant_shift_is_not_warped_away() -> None:
    assert warped_distance(at(5, 5, 5), at(2, 2, 2)) == pytest.approx(3)


def test_the_scores_of_a_clip_are_in_their_units() -> None:
    target = np.repeat(face_points()[None], 40, axis=0)
    predicted = target.copy()
    predicted[:, MOUTH] += np.array([3, 4], np.float32)
    predicted[:, 17:48, 0] += (np.arange(40) % 4 - 1.5 > 0).astype(np.float32)[:, None]
    found = clip_metrics(predicted, target, inter_ocular_px=50.0, silent=np.zeros(40, bool))
    assert found["LVE"] == pytest.approx(10**2, rel=1e-4)
    assert found["DTW-LD"] == pytest.approx(5, rel=1e-4)
    assert found["FDD"] == pytest.approx(0, abs=1e-4)  # always half a pixel from the middle: no spread
    assert np.isnan(found["power_above_8hz"])


def test_a_clip_of_three_seconds_is_scored_at_once() -> None:
    random = np.random.default_rng(2)
    predicted, target = (random.normal(100, 20, (90, 68, 2)).astype(np.float32) for _ in range(2))

    def once() -> float:
        start = time.process_time()
        clip_metrics(predicted, target, inter_ocular_px=50.0, silent=np.zeros(90, bool))
        return time.process_time() - start

    assert min(once() for _ in range(5)) < 0.03
