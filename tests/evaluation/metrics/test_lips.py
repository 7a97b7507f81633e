import numpy as np
import pytest

from kfusion.evaluation.metrics.lips import closure_f1


def test_closures_count_hits_misses_and_false_alarms() -> None:
    target = np.array([0.01, 0.01, 0.2, 0.2, 0.01])
    predicted = np.array([0.01, 0.2, 0.01, 0.2, 0.01])
    heard = np.array([True, True, True, True, False])
    assert closure_f1(predicted, target, heard) == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert np.isnan(closure_f1(np.full(5, 0.2), np.full(5, 0.2), heard))
