import numpy as np
import pytest
from factories.evaluation import at, still

from kfusion.evaluation.metrics.distance import landmark_distance, lip_vertex_error


def test_the_distance_does_not_grow_with_the_length_of_the_clip() -> None:
    shift = np.array([3, 4], np.float32)
    assert landmark_distance(still(4) + shift, still(4)) == pytest.approx(
        landmark_distance(still(64) + shift, still(64))
    )


def test_the_lip_vertex_error_is_the_largest_squared_error_of_a_frame() -> None:
    predicted = at(0, 0, 0)
    predicted[0, 1] += [3, 4]
    predicted[1] += [1, 0]
    assert lip_vertex_error(predicted, at(0, 0, 0)) == pytest.approx((25 + 1 + 0) / 3)
    assert np.isnan(lip_vertex_error(at(), at()))
