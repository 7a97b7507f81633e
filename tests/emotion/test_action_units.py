import pytest

from kfusion.emotion import EMOTIONS
from kfusion.emotion.action_units import ACTION_UNITS, PROTOTYPES, emotion_weights
from kfusion.errors import InputError
from kfusion.face_shapes import ARKIT_SHAPES


def test_every_emotion_is_made_of_action_units_and_those_of_arkits_shapes() -> None:
    assert tuple(PROTOTYPES) == EMOTIONS
    assert {unit for units in PROTOTYPES.values() for unit in units} <= set(ACTION_UNITS)
    for emotion in EMOTIONS:
        weights = emotion_weights(emotion, 3)
        assert set(weights) <= set(ARKIT_SHAPES)
        assert all(0 < weight <= 1 for weight in weights.values())


def test_a_neutral_face_does_nothing() -> None:
    assert emotion_weights("neutral", 3) == {}


@pytest.mark.parametrize("emotion", [name for name in EMOTIONS if name != "neutral"])
def test_more_intensity_is_more_of_every_shape(emotion: str) -> None:
    one, two, three = (emotion_weights(emotion, intensity) for intensity in (1, 2, 3))
    assert all(one[name] < two[name] < three[name] for name in three)
    assert emotion_weights(emotion) == two


def test_contempt_shows_on_one_side_and_the_others_on_both() -> None:
    assert set(emotion_weights("contempt")) == {"mouthSmileRight", "mouthDimpleRight"}
    for emotion in set(EMOTIONS) - {"contempt"}:
        weights = emotion_weights(emotion)
        for name in (name for name in weights if name.endswith("Left")):
            assert weights[f"{name.removesuffix('Left')}Right"] == weights[name]


def test_a_smile_of_hand_counted_strength() -> None:
    weights = emotion_weights("happy", 3)
    assert weights["mouthSmileLeft"] == 0.85  # AU 12: all subjects
    assert weights["cheekSquintRight"] == pytest.approx(0.85 * 0.51)  # AU 6: 51 % of them
    assert weights["mouthLowerDownLeft"] == pytest.approx(0.85 * 0.4)  # AU 25


def test_an_unknown_emotion_is_refused() -> None:
    with pytest.raises(InputError, match="unknown emotion 'bored'"):
        emotion_weights("bored")
