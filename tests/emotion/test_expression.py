import numpy as np
import pytest
from factories.motion import closed_face, opened, speaking, winking_left

from kfusion.emotion import EMOTIONS, emotion_index
from kfusion.emotion.expression import expression_displacement, expression_layer
from kfusion.landmarks import MOUTH, Points, mouth_opening, unit_frame

FELT = [name for name in EMOTIONS if name != "neutral"]
FACE = unit_frame(closed_face())(closed_face())


def in_unit(points: Points) -> Points:
    return unit_frame(closed_face())(points)


def with_emotion(points: Points, emotion: str, intensity: int = 3) -> Points:
    return expression_layer(FACE, emotion_index(emotion, intensity))(points)


@pytest.mark.parametrize("emotion", FELT)
def test_closed_lips_stay_as_closed_as_they_were(emotion: str) -> None:
    closed = in_unit(closed_face())[None]
    shown = with_emotion(closed, emotion)
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        np.testing.assert_allclose(shown[:, lower] - shown[:, upper], closed[:, lower] - closed[:, upper], atol=1e-5)


@pytest.mark.parametrize("emotion", FELT)
@pytest.mark.parametrize("intensity", [1, 2, 3])
def test_speech_stays_readable(emotion: str, intensity: int) -> None:
    """The mouth opens and shuts when it did, and never less."""
    spoken = in_unit(speaking(2.0).points)
    before, after = mouth_opening(spoken), mouth_opening(with_emotion(spoken, emotion, intensity))
    assert np.corrcoef(before, after)[0, 1] > 0.97
    assert (after > before - 0.005).all()


@pytest.mark.parametrize("emotion", FELT)
def test_an_emotion_can_be_seen_and_more_of_it_with_more_intensity(emotion: str) -> None:
    spoken = in_unit(opened(0.5))[None]
    sizes = [np.linalg.norm(with_emotion(spoken, emotion, intensity) - spoken) for intensity in (1, 2, 3)]
    assert 0.05 < sizes[0] < sizes[1] < sizes[2]


def test_eyes_that_are_shut_stay_shut() -> None:
    winking = in_unit(winking_left())[None]
    shown = with_emotion(winking, "surprised")
    assert np.abs(shown[0, [43, 44]] - shown[0, [47, 46]]).max() < 0.005
    assert (shown[0, [41, 40], 1] - shown[0, [37, 38], 1] > winking[0, [41, 40], 1] - winking[0, [37, 38], 1]).all()


def test_happy_corners_go_up_sad_ones_down_and_brows_where_they_should() -> None:
    moved = {name: expression_displacement(FACE, name, 3) for name in FELT}
    assert moved["happy"][[48, 54], 1].max() < -0.02
    assert moved["sad"][[48, 54], 1].min() > 0.02
    assert moved["angry"][[21, 22], 1].min() > 0.02
    assert moved["surprised"][17:27, 1].max() < -0.02
    assert moved["fear"][[43, 38], 1].max() < -0.01
    assert moved["disgusted"][[31, 35], 1].max() < -0.02
    assert np.abs(moved["contempt"][48]).max() > 5 * np.abs(moved["contempt"][54]).max()


def test_each_frame_is_for_itself_so_that_a_stream_shows_what_a_recording_shows() -> None:
    spoken = in_unit(speaking().points)
    whole = with_emotion(spoken, "angry")
    pieces = [with_emotion(spoken[start : start + 4], "angry") for start in range(0, len(spoken), 4)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert with_emotion(spoken[:0], "angry").shape == (0, 68, 2)


@pytest.mark.parametrize(
    ("labels", "learnt", "added"),
    [
        (("happy", 2), ("happy", "sad"), False),
        (("angry", 2), ("happy", "sad"), True),
        ((None, None), (), False),
        (("neutral", 3), (), False),
    ],
)
def test_nothing_is_added_where_the_model_has_learnt_it_or_there_is_nothing(labels, learnt, added) -> None:
    spoken = in_unit(speaking().points)
    shown = expression_layer(FACE, emotion_index(*labels), learnt)(spoken)
    assert (shown is not spoken) == added
    assert (np.abs(shown - spoken).max() > 0.01) == added


def test_the_size_of_a_face_makes_no_difference() -> None:
    small, large = closed_face(), closed_face() * 3
    np.testing.assert_allclose(
        expression_displacement(large, "happy"), 3 * expression_displacement(small, "happy"), rtol=1e-4, atol=1e-4
    )
    assert np.abs(expression_displacement(small, "happy")[MOUTH]).max() > 5
