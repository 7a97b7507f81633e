"""The light of a portrait: the colours, sharpness and grain that whatever is made for it must have."""

from dataclasses import dataclass

import cv2
import numpy as np

from kfusion.picture.anatomy import FaceAxes, Places
from kfusion.picture.field import Reals
from kfusion.picture.portrait_mouth import cheek_colours, patch
from kfusion.video import Image

_SKIN = np.array([1.24, 0.96, 0.80], np.float32)
"""The colour of skin in white light, its mean 1."""
_IVORY = np.array([1.03, 1.0, 0.92], np.float32)
_TINTED = 0.6
"""How much of the light's own colour teeth take on."""
_BLUEST = np.array([0.97, 0.0, 0.0], np.float32), np.array([9.0, 9.0, 1.02], np.float32)
"""Light is not believed to be bluer: pale skin and painted skin look as if it were."""
_COLOURLESS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """What a portrait is painted with."""

    teeth: Reals
    """RGB, (3,), and so the others."""
    lips: Reals
    slope: float
    """How much brighter the face's left cheek in the picture's right is, over the mean, per eye distance."""
    blur_px: float
    grain: float
    """Standard deviation of the noise, of 255."""
    coloured: bool
    """Whether the portrait has colours."""

    def tinted(self, colour: Reals, *factors: float) -> Reals:
        """A colour (3,) with its red, green and blue multiplied; all by the same where the portrait is grey."""
        tint = np.array(factors, np.float32)
        return colour * (tint if self.coloured else tint.mean())


def light_of(picture: Image, axes: FaceAxes, face: Places, eye_white: Reals | None) -> Light:
    """The light of a portrait; `eye_white` (3,) is the colour of its eyes' whites where they are seen."""
    cheeks = cheek_colours(picture, axes, face)
    skin = cheeks.mean(0)
    coloured = bool(np.ptp(skin) > _COLOURLESS)
    right, left = (float(cheek.mean()) for cheek in cheeks)
    lips = np.mean(
        [patch(picture, axes, (face[outer] + face[inner]) / 2, 0.02) for outer, inner in ((57, 66), (51, 62))], 0
    )
    return Light(
        teeth=_teeth_colour(skin, eye_white if coloured else None, coloured),
        lips=np.asarray(lips, np.float32),
        slope=float(np.clip((left - right) / max(left + right, 1.0) / 0.6, -0.8, 0.8)),
        blur_px=sharpness_px(picture, axes, face),
        grain=grain_of(picture, axes, face),
        coloured=coloured,
    )


def _teeth_colour(skin: Reals, eye_white: Reals | None, coloured: bool) -> Reals:
    """Ivory in the light that falls on the skin, about as light as the whites of the eyes."""
    level = float(np.clip(skin.mean() * 1.18, 70, 220))
    tint = skin / _SKIN if coloured else skin
    tint = np.clip(tint / tint.mean(), *_BLUEST)
    if eye_white is not None:
        level = float(np.clip(0.4 * level + 0.7 * eye_white.mean(), 0.95 * level, 1.7 * level))
        tint = (tint + eye_white / max(eye_white.mean(), 1.0)) / 2
    ivory = _IVORY if coloured else np.ones(3, np.float32)
    colour = ((1 - _TINTED) + _TINTED * tint) * ivory * level
    return np.asarray(np.minimum(colour, 238), np.float32)


def sharpness_px(picture: Image, axes: FaceAxes, face: Places) -> float:
    """The blur of the sharpest edges of the face, in pixels (Zhuo and Sim 2011).

    It is known from how much a second blur softens them.
    """
    low, high = axes.to_pixels(face).min(0).astype(int), axes.to_pixels(face).max(0).astype(int)
    left, top = np.maximum(low, 0)
    grey = cv2.cvtColor(picture[top : high[1] + 1, left : high[0] + 1], cv2.COLOR_RGB2GRAY).astype(np.float32)
    steep, softened = (_steepest(image) for image in (grey, cv2.GaussianBlur(grey, (0, 0), 1.0)))
    ratio = max(steep / max(softened, 1e-3), 1.02)
    return float(np.clip(1 / np.sqrt(ratio * ratio - 1), 0.4, 4.0))


def _steepest(grey: Reals) -> float:
    slopes = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return float(np.quantile(slopes, 0.995))


def grain_of(picture: Image, axes: FaceAxes, face: Places) -> float:
    """The standard deviation of the noise on the cheeks, of 255 (Immerkaer 1996)."""
    side = np.arange(-0.09 * axes.unit_px, 0.09 * axes.unit_px)
    found = []
    for corner, wing in ((36, 48), (45, 54)):
        middle = np.round(axes.to_pixels((face[corner] + face[wing]) / 2))
        places = (middle + np.stack(np.meshgrid(side.round(), side.round()), -1)).astype(np.float32)
        seen = cv2.cvtColor(cv2.remap(picture, places, None, cv2.INTER_NEAREST), cv2.COLOR_RGB2GRAY).astype(np.float32)
        mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
        found.append(float(np.median(np.abs(cv2.filter2D(seen, -1, mask)))) / 6 / 0.6745)
    return min(found)
