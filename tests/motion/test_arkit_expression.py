import numpy as np
import pytest
from factories.motion import shaped

from kfusion.emotion.action_units import emotion_weights
from kfusion.motion.arkit_expression import OPENING, express_motion


@pytest.mark.parametrize("emotion", ["happy", "angry", "surprised"])
def test_a_closed_mouth_gets_all_of_an_emotion_but_what_opens_it(emotion: str) -> None:
    shown = express_motion(shaped(), emotion, 3)
    for name, weight in emotion_weights(emotion, 3).items():
        assert shown.of(name) == pytest.approx(0 if name in OPENING else weight)


def test_an_open_mouth_gets_the_rest_and_weights_end_at_one() -> None:
    shown = express_motion(shaped(jawOpen=0.9), "surprised", 3)
    assert shown.of("jawOpen")[0] == 0
    assert shown.of("jawOpen")[-1] == pytest.approx(1.0)
    assert shown.weights.max() <= 1


def test_shut_eyes_stay_shut() -> None:
    shown = express_motion(shaped(eyeBlinkLeft=1.0), "fear", 3)
    assert shown.of("eyeWideLeft")[-1] == 0
    assert shown.of("eyeWideRight")[-1] > 0.3


def test_a_neutral_face_and_the_given_motion_stay_as_they_are() -> None:
    motion = shaped(jawOpen=0.5)
    before = motion.weights.copy()
    np.testing.assert_array_equal(express_motion(motion, "neutral").weights, before)
    express_motion(motion, "happy")
    np.testing.assert_array_equal(motion.weights, before)
