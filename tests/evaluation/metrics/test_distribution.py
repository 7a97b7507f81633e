import numpy as np
import pytest
from factories.inputs import face_points

from kfusion.evaluation.metrics.distribution import DIMENSION, MIN_VECTORS, Cloud, frechet_distance, mouth_vectors
from kfusion.landmarks import MOUTH


def cloud(vectors: np.ndarray) -> Cloud:
    found = Cloud()
    for piece in np.array_split(vectors, 7):
        found.add(piece)
    return found


def noise(seed: int = 0, count: int = 4000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, DIMENSION))


def test_a_cloud_is_at_no_distance_from_itself() -> None:
    assert frechet_distance(cloud(noise()), cloud(noise())) == pytest.approx(0, abs=1e-6)


def test_a_shift_counts_its_square() -> None:
    shift = np.zeros(DIMENSION)
    shift[:2] = [3, 4]
    assert frechet_distance(cloud(noise() + shift), cloud(noise())) == pytest.approx(25, rel=1e-4)


def test_half_the_spread_counts_the_square_of_what_is_missing() -> None:
    vectors = noise()
    vectors -= vectors.mean(0)
    variance = vectors.var(0, ddof=1).sum()
    assert frechet_distance(cloud(0.5 * vectors), cloud(vectors)) == pytest.approx(0.25 * variance, rel=1e-4)


def test_without_motion_the_whole_spread_is_missing() -> None:
    vectors = noise()
    variance, apart = vectors.var(0, ddof=1).sum(), (vectors.mean(0) ** 2).sum()
    found = frechet_distance(cloud(np.zeros((1000, DIMENSION))), cloud(vectors))
    assert found == pytest.approx(variance + apart, rel=0.003)


def test_directions_that_are_swapped_are_seen() -> None:
    wide = np.ones(DIMENSION)
    wide[0], other = 3, np.ones(DIMENSION)
    other[1] = 3
    vectors = noise(count=100_000)
    found = frechet_distance(cloud(vectors * wide), cloud(vectors * other))
    assert found == pytest.approx(2 * (3 - 1) ** 2, rel=0.05)


def test_the_order_of_the_frames_does_not_count() -> None:
    vectors = noise()
    assert frechet_distance(cloud(vectors[::-1]), cloud(vectors)) == pytest.approx(0, abs=1e-6)


def test_too_few_frames_have_no_distance() -> None:
    enough, few = cloud(noise(count=MIN_VECTORS)), cloud(noise(count=MIN_VECTORS - 1))
    assert np.isnan(frechet_distance(few, enough))
    assert np.isnan(frechet_distance(enough, few))
    assert not np.isnan(frechet_distance(enough, enough))


def test_a_vector_is_the_place_against_the_identity_and_the_step_in_percent() -> None:
    identity = face_points()
    points = np.repeat(identity[None], 3, axis=0)
    points[1:] += np.array([3, 4], np.float32)
    found = mouth_vectors(points, identity, 50.0)
    assert found.shape == (2, DIMENSION)
    place, step = found.reshape(2, 2, MOUTH.stop - MOUTH.start, 2).swapaxes(0, 1)
    assert place == pytest.approx(np.broadcast_to([6, 8], place.shape), abs=1e-4)
    assert step[0] == pytest.approx(np.broadcast_to([6, 8], step[0].shape), abs=1e-4)
    assert step[1] == pytest.approx(0, abs=1e-4)
