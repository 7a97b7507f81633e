"""Lids that close over the eyes of a portrait, and eyes that look a little aside.

A lid is made of the skin round the eye: what lies between the landmarks of the lids, with the lashes, is filled from
its rim, rounded by light and shade, and given the grain of the portrait. It is uncovered from above, and ends in a line
of lashes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import eased
from kfusion.picture.anatomy import FaceAxes, Places
from kfusion.picture.field import Reals
from kfusion.video import Image

EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))
_LASHES_ABOVE, _LASHES_BELOW, _ASIDE = 0.035, 0.016, 0.02
"""How far lashes and their shadow reach round the landmarks of an eye, in eye distances."""
_MARGIN = 0.05
_SHUT_SHARE = 0.95
"""How much of the opening the upper lid covers when it is shut: the lower one rises little (Evinger et al. 1991)."""
_FILL_PX = 80
"""A lid is smooth: it is made at this width and enlarged."""
_OPEN_LEAST = 0.035
"""An eye that is open less than this, in eye distances, is shut or a slit: it does not blink."""
_LIGHTEST_LEAST = 1.25
"""The lightest of an eye must be this many times its darkest, or it is not seen: dark glasses."""


@dataclass(frozen=True, slots=True, eq=False)
class _Eye:
    """One eye, over the pixels of a box of the portrait."""

    left: int
    top: int
    shown: Image
    """(H, W, 3)"""
    places: Reals
    """Face coordinates, (H, W, 2)."""
    upper: Reals
    """How far below each pixel the edge of the upper lid is in the portrait, (H, W), in eye distances."""
    opening: Reals
    """How far apart the lids are there, 0 beside the eye, (H, W)."""
    lid: Image
    """The closed lid, (H, W, 3)."""
    cover: Reals
    """Where it lies, (H, W)."""
    lash: Reals
    """Colour of the line of lashes, (3,)."""


class Eyes:
    """The eyes of one portrait; those that are shut or not seen in it never move."""

    def __init__(self, picture: Image, axes: FaceAxes, face: Places, grain: float = 0.0) -> None:
        """`face` (68, 2) in face coordinates; `grain` is the standard deviation of the portrait's noise."""
        self._axes = axes
        self._drawn_as = (0.0, (0.0, 0.0))
        rings = [face[list(ring)] for ring in EYES]
        self._eyes = [eye for ring in rings if (eye := _read_eye(picture, axes, ring, grain)) is not None]

    def __len__(self) -> int:
        """How many of them can blink."""
        return len(self._eyes)

    def draw(self, canvas: Image, closed: float, gaze: tuple[float, float]) -> None:
        """Put the eyes onto `canvas`, which holds the portrait as the last call left it.

        Args:
            canvas: (H, W, 3), changed in place, the same one in every call.
            closed: from 0, as in the portrait, to 1, shut.
            gaze: where they look beside where the portrait looks, in eye distances, picture's right and down.
        """
        if self._drawn_as == (closed, gaze):
            return
        self._drawn_as = (closed, gaze)
        for eye in self._eyes:
            height, width = eye.cover.shape
            looking = _looking(eye, self._axes, gaze) if gaze != (0.0, 0.0) else eye.shown
            shown = _closing(looking, eye, 1 / self._axes.unit_px, closed) if closed > 0 else looking
            canvas[eye.top : eye.top + height, eye.left : eye.left + width] = shown


def _closing(shown: Image, eye: _Eye, pixel: float, closed: float) -> Image:
    """An eye whose lid has come down by `closed`."""
    begun = min(1.0, closed / 0.2)
    above = eye.upper + np.float32(_SHUT_SHARE * closed) * eye.opening
    covered = eye.cover * np.clip(above / pixel + 0.5, 0, 1) * np.float32(begun)
    mixed = cv2.blendLinear(shown, eye.lid, 1 - covered, covered)
    thick = np.where(above > 0, max(0.009, 0.8 * pixel), max(0.006, 0.8 * pixel))
    line = np.exp(-((above / thick) ** 2)) * eased(eye.opening / 0.03) * np.float32(0.7 * begun)
    return np.asarray(mixed + (eye.lash - mixed) * line[..., None], np.uint8)


def _looking(eye: _Eye, axes: FaceAxes, gaze: tuple[float, float]) -> Image:
    """An eye that looks aside: what is near its lids stays."""
    below = -eye.upper
    held = eased(np.minimum(below, eye.opening - below) / 0.03)[..., None] * (eye.opening[..., None] > 0)
    places = axes.to_pixels(eye.places - np.array(gaze, np.float32) * held) - [eye.left, eye.top]
    return np.asarray(
        cv2.remap(eye.shown, places.astype(np.float32), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def _read_eye(picture: Image, axes: FaceAxes, ring: Places, grain: float) -> _Eye | None:
    """An eye with landmarks `ring` (6, 2), face coordinates; None where there is none to move."""
    if (ring[[5, 4], 1] - ring[[1, 2], 1]).mean() < _OPEN_LEAST or not _is_seen(picture, axes, ring):
        return None
    low, high = ring.min(0) - [_ASIDE + _MARGIN, _LASHES_ABOVE + _MARGIN], ring.max(0) + _ASIDE + _MARGIN
    corners = axes.to_pixels(np.array([low, [high[0], low[1]], [low[0], high[1]], high]))
    left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(corners.max(0)) + 1, picture.shape[1::-1]).astype(int).tolist()
    if right - left < 4 or bottom - top < 4:
        return None
    places = axes.to_face(np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), -1)).astype(np.float32)
    upper, lower = (_lid_edge(ring[indices], places[..., 0]) for indices in ([0, 1, 2, 3], [0, 5, 4, 3]))
    shown = picture[top:bottom, left:right].copy()
    hole = _hole(places, upper, lower, ring)
    above, opening = upper - places[..., 1], np.maximum(lower - upper, 0)
    return _Eye(
        left,
        top,
        shown,
        places,
        above,
        opening,
        _made_lid(shown, hole, above, opening, grain),
        cv2.GaussianBlur(hole, (0, 0), max(0.7, 0.008 * axes.unit_px)),
        _lash(picture, axes, ring),
    )


def _lid_edge(points: Places, across: Reals) -> Reals:
    """The height of a lid, a cubic through its four landmarks, at each `across`; flat beyond its ends."""
    line = np.polynomial.Polynomial.fit(points[:, 0], points[:, 1], 3)
    return np.asarray(line(np.clip(across, points[0, 0], points[3, 0])), np.float32)


def _hole(places: Reals, upper: Reals, lower: Reals, ring: Places) -> Reals:
    """1 where the eye and its lashes are, 0 elsewhere, (H, W)."""
    aside = np.maximum(ring[0, 0] - places[..., 0], places[..., 0] - ring[3, 0])
    slim = np.sqrt(np.clip(1 - np.maximum(aside, 0) / _ASIDE, 0, 1))
    inside = (places[..., 1] > upper - _LASHES_ABOVE * slim) & (places[..., 1] < lower + _LASHES_BELOW * slim)
    return np.asarray(inside & (aside < _ASIDE), np.float32)


def _made_lid(shown: Image, hole: Reals, above: Reals, opening: Reals, grain: float) -> Image:
    """The skin of a closed lid over the box of an eye, (H, W, 3)."""
    height, width = hole.shape
    small = (min(_FILL_PX, width), max(4, round(height * min(1.0, _FILL_PX / width))))
    mask = (cv2.resize(hole, small, interpolation=cv2.INTER_AREA) > 0.02).astype(np.uint8)
    filled = cv2.inpaint(cv2.resize(shown, small, interpolation=cv2.INTER_AREA), mask, 4, cv2.INPAINT_TELEA)
    smoothed = cv2.GaussianBlur(filled, (0, 0), 2.0)
    lid = cv2.resize(np.where(mask[..., None] > 0, smoothed, filled), (width, height), interpolation=cv2.INTER_CUBIC)
    down = np.clip(-above / np.maximum(opening, 1e-3), -1, 1)
    round_lid = 1 + np.float32(0.07) - np.float32(0.16) * (down - np.float32(0.35)) ** 2
    round_lid -= np.float32(0.10) * np.exp(-((above / 0.012) ** 2)) * eased(opening / 0.03)
    noise = np.random.default_rng(0).normal(0, grain, hole.shape).astype(np.float32)
    return np.asarray((lid * round_lid[..., None] + noise[..., None]).clip(0, 255), np.uint8)


def _eye_pixels(picture: Image, axes: FaceAxes, ring: Places) -> Reals:
    """Colours on a grid over the open eye, (5, 15, 3)."""
    across = np.linspace(0.12, 0.88, 15)
    upper, lower = (
        np.stack([np.interp(across, [0, 0.35, 0.65, 1], ring[indices, axis]) for axis in range(2)], -1)
        for indices in ([0, 1, 2, 3], [0, 5, 4, 3])
    )
    places = axes.to_pixels(upper + (lower - upper) * np.linspace(0.2, 0.8, 5)[:, None, None]).astype(np.float32)
    seen = cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.float32)


def _is_seen(picture: Image, axes: FaceAxes, ring: Places) -> bool:
    levels = _eye_pixels(picture, axes, ring).mean(-1)
    return float(np.quantile(levels, 0.95)) > _LIGHTEST_LEAST * float(np.quantile(levels, 0.05)) + 8


def _lash(picture: Image, axes: FaceAxes, ring: Places) -> Reals:
    """The dark of the upper lid's edge, (3,)."""
    places = axes.to_pixels(np.linspace(ring[1], ring[2], 9)[:, None] + np.array([[0, -0.012], [0, 0.0], [0, 0.012]]))
    seen = cv2.remap(picture, places.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.quantile(seen.reshape(-1, 3), 0.15, axis=0), np.float32)


def eye_white(picture: Image, axes: FaceAxes, face: Places) -> Reals | None:
    """The colour of the whites of the eyes, (3,), where one is open."""
    rings = [face[list(ring)] for ring in EYES]
    seen = [_eye_pixels(picture, axes, ring).reshape(-1, 3) for ring in rings if np.ptp(ring[:, 1]) > _OPEN_LEAST]
    if not seen:
        return None
    pixels: NDArray[np.float32] = np.concatenate(seen)
    levels = pixels.mean(-1)
    lightest = pixels[(levels > np.quantile(levels, 0.75)) & (levels < np.quantile(levels, 0.95))]
    return np.asarray(lightest.mean(0), np.float32) if len(lightest) else None
