import numpy as np
import pytest
from factories.inputs import face_points

from kfusion.evaluation.alignment import ALIGNMENTS, AlignedPair, align
from kfusion.evaluation.metrics.distance import landmark_distance
from kfusion.evaluation.metrics.timing import opening_correlation
from kfusion.landmarks import STABLE_POINTS


def moving_face(frames: int = 20) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 1, (frames, 68, 2))
    return (face_points() + noise).astype(np.float32)


def turned(points: np.ndarray, angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ matrix.T + shift).astype(np.float32)


def test_raw_changes_nothing() -> None:
    target = moving_face()
    predicted, same = align("raw", target + 1, target)
    assert np.array_equal(predicted, target + 1)
    assert np.array_equal(same, target)


def test_one_rotation_scale_and_shift_of_the_whole_clip_vanishes_in_clip() -> None:
    target = moving_face()
    away = turned(target, 0.3, 1.4, (30, -12))
    assert landmark_distance(away, target) > 10
    assert landmark_distance(*align("clip", away, target)) < 1e-4


def test_a_drift_over_the_clip_stays_in_clip_and_vanishes_in_frame() -> None:
    target = moving_face()
    drift = target + np.linspace(-10, 10, 20, dtype=np.float32)[:, None, None]
    assert landmark_distance(*align("clip", drift, target)) > 3
    assert landmark_distance(*align("frame", drift, target)) < 1e-4


def test_frame_takes_the_head_motion_out_of_the_target_too() -> None:
    still = np.repeat(face_points()[None], 20, axis=0)
    nodding = still + np.linspace(-5, 5, 20, dtype=np.float32)[:, None, None]
    predicted, target = align("frame", still, nodding)
    assert np.ptp(target, axis=0).max() < 1e-3
    assert np.abs(predicted - target).max() < 1e-3


def test_frame_leaves_the_expression() -> None:
    target = np.repeat(face_points()[None], 20, axis=0)
    opened = target.copy()
    opened[:, 66, 1] += 8
    predicted, target = align("frame", opened, target)
    assert predicted[:, 66, 1] - target[:, 66, 1] == pytest.approx(8, abs=1e-3)
    assert np.abs(predicted[:, list(STABLE_POINTS)] - target[:, list(STABLE_POINTS)]).max() < 1e-3


def test_a_mouth_that_hangs_too_high_and_crosses_its_lips_still_follows() -> None:
    target = np.repeat(face_points()[None], 40, axis=0).astype(np.float32)
    target[:, 66] = target[:, 62] + np.stack([np.zeros(40), 6 + 6 * np.sin(np.arange(40) / 3)], 1)
    crossing = target.copy()
    crossing[:, 66, 1] -= 12
    pair = AlignedPair(predicted=crossing, target=target, inter_ocular_px=100.0, silent=np.zeros(40, bool))
    assert opening_correlation(*pair.openings) == pytest.approx(1)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_shapes_stay(alignment: str) -> None:
    predicted, target = align(alignment, moving_face() + 2, moving_face())
    assert predicted.shape == target.shape == (20, 68, 2)
