import time

import numpy as np
import pytest
from factories.evaluation import still, wave

from kfusion.evaluation.alignment import AlignedPair
from kfusion.evaluation.metrics.catalogue import METRICS, clip_metrics
from kfusion.landmarks import MOUTH


def scores(predicted: np.ndarray, target: np.ndarray, silent: np.ndarray | None = None) -> dict[str, float]:
    quiet = np.zeros(len(target), bool) if silent is None else silent
    return clip_metrics(AlignedPair(predicted=predicted, target=target, inter_ocular_px=50.0, silent=quiet))


def test_a_shift_of_three_and_four_gives_a_distance_of_five_and_no_velocity_difference() -> None:
    found = scores(still() + np.array([3, 4], np.float32), still())
    for part in "MFR":
        assert found[f"{part}-LD"] == pytest.approx(5, abs=1e-5)
        assert found[f"{part}-LVD"] == pytest.approx(0, abs=1e-5)
        assert found[f"{part}-LD-iod"] == pytest.approx(10, abs=1e-4)


def test_the_mouth_the_face_and_the_rest_see_their_own_points() -> None:
    moved = still()
    moved[:, MOUTH] += [3, 4]
    found = scores(moved, still())
    assert found["M-LD"] == pytest.approx(5, abs=1e-5)
    assert found["F-LD"] == pytest.approx(5 * 20 / 68, abs=1e-5)
    assert found["R-LD"] == pytest.approx(0, abs=1e-5)


def test_two_frames_are_67_ms() -> None:
    target = still(90)
    target[:, 66, 1] += (100 * wave()).astype(np.float32)
    late = np.concatenate([np.repeat(target[:1], 2, axis=0), target[:-2]])
    found = scores(late, target)
    assert found["lag_frames"] == pytest.approx(2, abs=0.05)
    assert found["lag_ms"] == pytest.approx(66.7, abs=2)


def test_every_score_is_described_and_the_target_itself_is_perfect() -> None:
    target = still(60)
    target[:, [65, 66, 67], 1] += (60 * wave(60)).astype(np.float32)[:, None]
    found = scores(target, target, np.arange(60) < 10)
    assert set(found) == set(METRICS)
    assert found["F-LD"] == found["F-LVD"] == 0
    assert found["opening_correlation"] == pytest.approx(1)
    assert found["motion_ratio"] == pytest.approx(1)
    assert found["lag_frames"] == pytest.approx(0, abs=0.1)


def test_the_scores_of_a_clip_are_in_their_units() -> None:
    target = still(40)
    predicted = target.copy()
    predicted[:, MOUTH] += np.array([3, 4], np.float32)
    predicted[:, 17:48, 0] += (np.arange(40) % 4 - 1.5 > 0).astype(np.float32)[:, None]
    found = scores(predicted, target)
    assert found["LVE"] == pytest.approx(10**2, rel=1e-4)
    assert found["DTW-LD"] == pytest.approx(5, rel=1e-4)
    assert found["FDD"] == pytest.approx(0, abs=1e-4)  # always half a pixel from the middle: no spread
    assert np.isnan(found["power_above_8hz"])


def test_a_clip_of_three_seconds_is_scored_at_once() -> None:
    random = np.random.default_rng(2)
    predicted, target = (random.normal(100, 20, (90, 68, 2)).astype(np.float32) for _ in range(2))

    def once() -> float:
        start = time.process_time()
        scores(predicted, target)
        return time.process_time() - start

    assert min(once() for _ in range(5)) < 0.03
