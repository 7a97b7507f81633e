"""Whether a portrait shows its mouth: a mask, a hand or a microphone before it cannot talk."""

from kfusion.landmarks import Points
from kfusion.video import Image


def why_hidden(picture: Image, points: Points) -> str:
    """TODO."""
    return ""
