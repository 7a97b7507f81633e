import pytest

from kfusion.emotion import EMOTIONS, check_emotion, emotion_index
from kfusion.errors import InputError


def test_unknown_is_zero_and_the_rest_follows_the_order() -> None:
    assert emotion_index(None, None) == (0, 0)
    assert emotion_index("angry", 1) == (1, 1)
    assert emotion_index("surprised", None) == (len(EMOTIONS), 0)


@pytest.mark.parametrize(("emotion", "intensity", "value"), [("bored", None, "bored"), ("sad", 4, "4"), (None, 2, "2")])
def test_a_wrong_value_is_named(emotion: str | None, intensity: int | None, value: str) -> None:
    with pytest.raises(InputError, match=value):
        check_emotion(emotion, intensity)
