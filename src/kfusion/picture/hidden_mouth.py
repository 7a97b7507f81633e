"""Whether a portrait shows a mouth that can talk: a mask, a hand or a microphone before it cannot.

The landmarks of a hidden mouth are guessed, and look like any others. What a mouth shows is looked for where they say
that it is: a line between the lips that is darker or lighter than the lips, all along, and lips that are redder than
the skin above and below. Of 41 faces (recordings and free portraits) the least scored 1.7; of 9 of them, each with
three masks, a hand and a microphone drawn before the mouth, 44 of 45 scored 1.1 or less.
"""

import cv2
import numpy as np

from kfusion.face.portrait import side_ratio
from kfusion.landmarks import Points
from kfusion.picture.anatomy import LOWER_INNER, UPPER_INNER, FaceAxes, Places, curve
from kfusion.picture.field import Reals
from kfusion.video import Image

MAX_SIDE_RATIO = 2.2
"""Of the two halves of the face: farther round, the mouth's far half is not seen well enough to be moved."""
LEAST_EVIDENCE, LEAST_GREY_EVIDENCE = 1.2, 0.45
_LINE_CONTRAST, _REDNESS = 12.0, 8.0
"""Percent of the skin's lightness, and levels of redness, that count as 1."""
_COLOURLESS = 3.0
_UPPER_OUTER, _LOWER_OUTER = (48, 49, 50, 51, 52, 53, 54), (48, 59, 58, 57, 56, 55, 54)
_BESIDE = 0.05
_NEAR_LINE = np.linspace([0, -0.03], [0, 0.03], 13)


def why_hidden(picture: Image, points: Points) -> str:
    """Why the mouth of a portrait (H, W, 3) with landmarks (68, 2) cannot talk; empty where it can."""
    if side_ratio(points) > MAX_SIDE_RATIO:
        return (
            f"the face is turned too far to the side to be drawn talking (one half is {side_ratio(points):.1f} times "
            "the other): pass a picture that looks at the camera, or use --video points"
        )
    evidence, least = mouth_evidence(picture, points)
    if evidence < least:
        return (
            f"the mouth cannot be seen (lips show {evidence:.1f} of the contrast of bare ones, at least {least:.1f} is "
            "needed): pass a picture with nothing before the mouth, or use --video points"
        )
    return ""


def mouth_evidence(picture: Image, points: Points) -> tuple[float, float]:
    """How much of a mouth is seen where its landmarks are, and how much it takes to believe it."""
    axes = FaceAxes.of(points - np.float32(0.5))
    looks = _Looks(picture, axes, axes.to_face(points.astype(np.float64) - 0.5))
    contrast, redness = looks.line_contrast() / _LINE_CONTRAST, looks.redness() / _REDNESS
    if looks.colour < _COLOURLESS:
        return contrast, LEAST_GREY_EVIDENCE
    return contrast + max(0.0, redness), LEAST_EVIDENCE


class _Looks:
    """Lightness and colours along the lips, (n, 3) each: L, a, b."""

    def __init__(self, picture: Image, axes: FaceAxes, face: Places) -> None:
        self._axes, self._face = axes, face
        corners = axes.to_pixels(face).astype(int)
        low, high = np.maximum(corners.min(0), 0), corners.max(0) + 2
        self._low = low.astype(np.float32)
        seen = np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]])
        soft = cv2.GaussianBlur(seen, (0, 0), max(0.5, 0.008 * axes.unit_px))
        self._lab = cv2.cvtColor(soft, cv2.COLOR_RGB2LAB).astype(np.float32)
        upper, lower = (self._line(points) for points in (UPPER_INNER, LOWER_INNER))
        above, below = (self._line(points) for points in (_UPPER_OUTER, _LOWER_OUTER))
        aside = np.array([0, _BESIDE])
        self._middle = (upper + lower) / 2
        self._upper, self._lower = (self._at((inner + outer) / 2) for inner, outer in ((upper, above), (lower, below)))
        self._above, self._below = self._at(above - aside), self._at(below + aside)
        cheeks = np.concatenate([self._at((face[[eye]] + face[[nose]]) / 2) for eye, nose in ((36, 31), (45, 35))])
        self._light = max(20.0, float(cheeks[:, 0].mean()))
        self.colour = float(np.abs(self._lab[..., 1:] - 128).mean())

    def line_contrast(self) -> float:
        """By how much the line between the lips differs from them, in percent of the skin's lightness."""
        lips = float((self._upper[:, 0] + self._lower[:, 0]).mean() / 2)
        near = [float(self._at(self._middle + shift)[:, 0].mean()) for shift in _NEAR_LINE]
        return 100 * max(lips - min(near), abs(lips - near[len(near) // 2])) / self._light

    def redness(self) -> float:
        """By how much the lips, or the lower one, are redder than the skin beside them."""
        lower = float((self._lower[:, 1] - self._below[:, 1]).mean())
        return max(lower, (lower + float((self._upper[:, 1] - self._above[:, 1]).mean())) / 2)

    def _line(self, points: tuple[int, ...]) -> Places:
        return curve(self._face[list(points)], 30)[4:-4]

    def _at(self, places: Places) -> Reals:
        where = self._axes.to_pixels(places).astype(np.float32) - self._low
        seen = cv2.remap(self._lab, where[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen[:, 0], np.float32)
