"""The clock of a speaker is found and taken out of what is said of him."""

from dataclasses import replace

import numpy as np
import pytest
from factories.evaluation import still, wave

from kfusion.evaluation.alignment import AlignedPair
from kfusion.evaluation.compensation import REACH_MS, SHIFTS_MS, best_shift_ms, in_time
from kfusion.landmarks import Points

IOD = 60.0


def speaking(frames: int = 90, late_frames: float = 0.0) -> Points:
    """A face whose lower inner lip follows `wave`, late by so many frames."""
    face = still(frames).astype(np.float64)
    face[:, 66] = face[:, 62] + np.stack([np.zeros(frames), IOD * wave(frames, late_frames)], -1)
    return face.astype(np.float32)


def pair_of(predicted: Points, target: Points) -> AlignedPair:
    return AlignedPair(
        predicted=predicted, target=target, inter_ocular_px=IOD, silent=np.arange(len(target)) < len(target) // 2
    )


@pytest.mark.parametrize(("late_frames", "shift"), [(0, 0), (1.2, -40), (-1.8, 60), (3.3, -110), (-5, 120)])
def test_a_late_prediction_is_shown_earlier_to_within_5_ms_and_never_beyond_the_bound(
    late_frames: float, shift: float
) -> None:
    assert best_shift_ms([pair_of(speaking(late_frames=late_frames), speaking())]) == shift


def test_one_shift_serves_all_clips_of_a_speaker() -> None:
    pairs = [pair_of(speaking(late_frames=late), speaking()) for late in (1.5, 1.5, 1.5, -1.5)]
    assert -50 < best_shift_ms(pairs) < 0


@pytest.mark.parametrize("still_one", ["predicted", "target"])
def test_where_one_stands_still_nothing_is_shifted(still_one: str) -> None:
    pair = replace(pair_of(speaking(), speaking()), **{still_one: still(90)})
    assert best_shift_ms([pair]) == 0


def test_a_shifted_prediction_lies_upon_its_target_where_both_are_there() -> None:
    pair = in_time(pair_of(speaking(late_frames=1.5), speaking()), -50)
    assert len(pair.predicted) == len(pair.target) == len(pair.silent) == 88
    assert np.array_equal(pair.target, speaking()[:88])
    assert np.abs(pair.predicted - pair.target).max() < 0.05
    later = in_time(pair_of(speaking(late_frames=-2), speaking()), 66 + 2 / 3)
    assert np.array_equal(later.target, speaking()[2:])
    assert np.abs(later.predicted - later.target).max() < 1e-3
    assert later.silent.sum() == 43


def test_no_shift_and_clips_too_short_for_one_change_nothing() -> None:
    pair, short = pair_of(speaking(), speaking()), pair_of(speaking(11), speaking(11, 1))
    assert in_time(pair, 0) is pair
    assert in_time(short, 100) is short
    assert best_shift_ms([short]) == 0


def test_shifts_reach_the_bound_on_both_sides() -> None:
    assert (min(SHIFTS_MS), max(SHIFTS_MS), SHIFTS_MS[0]) == (-REACH_MS, REACH_MS, 0)
