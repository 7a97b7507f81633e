import numpy as np
import pytest
import soak


def samples(mb: np.ndarray) -> list[tuple[float, float]]:
    return [(5.0 * number, float(value)) for number, value in enumerate(mb)]


def test_memory_that_only_settles_at_the_start_is_flat() -> None:
    random = np.random.default_rng(0)
    mb = 200 + random.normal(0, 0.3, 120) - 40 * np.exp(-np.arange(120) / 5)
    slope, _, grew = soak.growth(samples(mb))
    assert abs(slope) < 0.1
    assert not grew


def test_a_leak_is_growth_and_its_slope_is_found() -> None:
    slope, rise, grew = soak.growth(samples(200 + np.arange(120) / 12))  # 1 MB a minute for 10 minutes
    assert slope == pytest.approx(1)
    assert rise == pytest.approx(95 / 12)
    assert grew


def test_a_run_of_a_few_samples_is_judged_all_the_same() -> None:
    assert not soak.growth(samples(np.array([100.0, 100.0, 100.0])))[2]
