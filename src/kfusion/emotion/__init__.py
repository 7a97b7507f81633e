"""The emotion variable: eight categories, three intensities, and "unknown" for both."""

from kfusion.errors import InputError

EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
"""The categories of MEAD."""
INTENSITIES = (1, 2, 3)


def check_emotion(emotion: str | None, intensity: int | None) -> None:
    """Raises `InputError` unless both are known values, or None for unknown."""
    if emotion is not None and emotion not in EMOTIONS:
        raise InputError(f"unknown emotion '{emotion}': use {', '.join(EMOTIONS)}")
    if intensity is not None and intensity not in INTENSITIES:
        raise InputError(f"unknown intensity '{intensity}': use 1, 2 or 3")
    if intensity is not None and emotion is None:
        raise InputError(f"intensity {intensity} without an emotion: name the emotion too")


def emotion_index(emotion: str | None, intensity: int | None) -> tuple[int, int]:
    """Indices for the network: 0 is unknown, then the order of `EMOTIONS` and `INTENSITIES`."""
    check_emotion(emotion, intensity)
    return (0 if emotion is None else 1 + EMOTIONS.index(emotion)), (intensity or 0)
