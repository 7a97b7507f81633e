import numpy as np
import pytest
from factories.evaluation import at, wave

from kfusion.evaluation.metrics.distance import landmark_distance
from kfusion.evaluation.metrics.timing import correlation, opening_lag, warped_distance


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


def test_a_clip_of_eleven_frames_is_too_short_for_a_lag() -> None:
    assert np.isnan(opening_lag(wave(11), wave(11)))
    assert not np.isnan(opening_lag(wave(12), wave(12)))


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
