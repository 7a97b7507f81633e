import numpy as np
import pytest
from factories.motion import closed_face, opened, sequence_of, smiling_left, speaking

from kfusion.errors import InputError
from kfusion.landmarks import LandmarkSequence
from kfusion.motion.face_motion import MotionReader, read_motion


def test_a_motion_has_a_row_for_every_frame_and_its_times() -> None:
    motion = read_motion(speaking(fps=25))
    assert motion.weights.shape == (25, 52)
    assert motion.head.shape == (25, 3)
    np.testing.assert_allclose(motion.times_s, np.arange(25) / 25)


def test_a_recording_finds_its_own_resting_face() -> None:
    motion = read_motion(sequence_of(*[closed_face()] * 5, *[opened()] * 5))
    assert not motion.weights[:5].any()
    assert motion.of("jawOpen")[5:].min() > 0.1


def test_a_piece_of_a_stream_keeps_its_place_in_time() -> None:
    piece = LandmarkSequence(points=smiling_left()[None], fps=30, first_frame=90)
    assert MotionReader(closed_face())(piece).times_s == pytest.approx([3.0])


def test_the_gain_multiplies_and_ends_at_one() -> None:
    once, thrice = (read_motion(sequence_of(smiling_left()), closed_face(), gain=gain).weights for gain in (1, 3))
    np.testing.assert_allclose(thrice, np.minimum(3 * once, 1), atol=1e-6)


@pytest.mark.parametrize("gain", [0, -1, 5, float("nan")])
def test_a_gain_that_cannot_be_used_is_named(gain: float) -> None:
    with pytest.raises(InputError, match="gain is"):
        read_motion(speaking(), gain=gain)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9, 0.0])
def test_a_frame_that_shows_no_face_is_named(value: float) -> None:
    points = speaking().points.copy()
    points[7] = value
    with pytest.raises(InputError, match="frame 107 does not show a face"):
        read_motion(LandmarkSequence(points=points, fps=30, first_frame=100))
