"""The mouth of a portrait as it is: its seam, whether it shows teeth, the colours that are to be matched."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.picture.anatomy import (
    LIP_PAIRS,
    LOWER_INNER,
    UPPER_INNER,
    FaceAxes,
    Places,
    curve,
    lip_gap,
    settled_lips,
)
from kfusion.picture.field import Reals
from kfusion.video import Image

PARTED = 0.02
"""Lips of a portrait that are farther apart, in eye distances, are not shut."""
TOOTHED = 0.065
"""From this gap on, a portrait's own teeth are used."""
_SEARCH = 0.025
"""How far from the landmarks the seam of shut lips is looked for."""
_TEETH_SHARE = 0.22


@dataclass(frozen=True, slots=True, eq=False)
class PortraitMouth:
    """What a portrait shows of its mouth."""

    face: Places
    """Its landmarks in face coordinates, (68, 2), those of shut lips on the dark line between them."""
    reference: Places
    """What moving landmarks are measured from, (68, 2)."""
    gap: float
    """Between the inner lips, 0 where they are shut."""
    teeth: bool
    """Whether it shows teeth of its own."""


def portrait_mouth(picture: Image, axes: FaceAxes, points: Places) -> PortraitMouth:
    """The mouth of a portrait with landmarks `points` (68, 2), pixels."""
    face = axes.to_face(points)
    gap = lip_gap(face)
    if gap >= PARTED:
        return PortraitMouth(face, face, gap, gap >= TOOTHED and _shows_teeth(picture, axes, face))
    reference = settled_lips(face)
    for upper, lower in LIP_PAIRS:
        reference[[upper, lower], 1] = reference[[upper, lower], 1].mean()
    return PortraitMouth(_on_the_seam(picture, axes, reference), reference, 0.0, False)


def _on_the_seam(picture: Image, axes: FaceAxes, face: Places) -> Places:
    """A face with shut lips whose inner lips lie on the darkest line near them, a parabola above the landmarks' own."""
    across = np.linspace(0.12, 0.88, 25)
    line = curve(face[list(UPPER_INNER)], 101)[np.round(across * 100).astype(int)]
    shifts = np.linspace(-_SEARCH, _SEARCH, 21)
    places = axes.to_pixels(line[:, None] + np.stack([np.zeros_like(shifts), shifts], -1))
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), max(0.5, 0.006 * axes.unit_px))
    profile = cv2.remap(grey, places.astype(np.float32), None, cv2.INTER_LINEAR).astype(np.float64)
    darkness = np.maximum(np.median(profile, axis=1, keepdims=True) - profile, 0) ** 2 + 1e-3
    found = (darkness * shifts).sum(1) / darkness.sum(1)
    bend = np.polynomial.Polynomial.fit(across, found, 2, w=np.sqrt(darkness.max(1)))
    moved = face.copy()
    for place, pair in zip((0.25, 0.5, 0.75), LIP_PAIRS, strict=True):
        moved[list(pair), 1] += np.clip(bend(place), -_SEARCH, _SEARCH)
    return moved


def polygon_mask(polygon: Places, shape: tuple[int, int], low: NDArray[np.int_]) -> Reals:
    """How much of each pixel of a box (H, W) at `low` (x, y) lies in a polygon (n, 2), 0 to 1."""
    mask = np.zeros(shape, np.uint8)
    fixed = np.round((polygon - low) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) * np.float32(1 / 255)


def opening_outline(face: Places, count: int = 24) -> Places:
    """The outline of what lies between the inner lips, (2 count, 2)."""
    return np.vstack([curve(face[list(UPPER_INNER)], count), curve(face[list(LOWER_INNER)], count)[::-1]])


def _shows_teeth(picture: Image, axes: FaceAxes, face: Places) -> bool:
    """Whether a good part of the open mouth is as bright as the skin and less coloured than the lips."""
    inside = _inside(picture, axes, face)
    skin = skin_colour(picture, axes, face)
    bright = inside.max(-1) > 0.75 * skin.max()
    pale = np.ptp(inside, axis=-1) < 0.45 * inside.max(-1)
    return bool((bright & pale).mean() > _TEETH_SHARE)


def _inside(picture: Image, axes: FaceAxes, face: Places) -> Reals:
    """The pixels between the inner lips, (n, 3)."""
    outline = axes.to_pixels(opening_outline(face))
    mask = polygon_mask(outline, picture.shape[:2], np.zeros(2, int)) > 0.5
    return picture[mask].astype(np.float32) if mask.any() else np.zeros((1, 3), np.float32)


def skin_colour(picture: Image, axes: FaceAxes, face: Places) -> Reals:
    """The typical colour of both cheeks, (3,)."""
    return np.asarray(cheek_colours(picture, axes, face).mean(0), np.float32)


def cheek_colours(picture: Image, axes: FaceAxes, face: Places) -> Reals:
    """The typical colour of the right and of the left cheek, (2, 3)."""
    middles = [(face[corner] + face[wing]) / 2 for corner, wing in ((36, 48), (45, 54))]
    return np.stack([patch(picture, axes, middle, 0.08) for middle in middles])


def patch(picture: Image, axes: FaceAxes, middle: Places, reach: float) -> Reals:
    """The median colour round a place of the face, (3,)."""
    side = np.linspace(-reach, reach, 9)
    places = axes.to_pixels(middle + np.stack(np.meshgrid(side, side), -1)).astype(np.float32)
    seen = cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.median(seen.reshape(-1, 3), axis=0), np.float32)
