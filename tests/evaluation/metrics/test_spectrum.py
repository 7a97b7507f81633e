import numpy as np
import pytest
from factories.evaluation import at

from kfusion.evaluation.metrics.spectrum import power_above

FPS = 30


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
