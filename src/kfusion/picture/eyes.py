"""Lids that close over the eyes of a portrait, and eyes that look a little aside."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.picture.anatomy import FaceAxes, Places
from kfusion.picture.field import Floats
from kfusion.video import Image

EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))
CREASE = 0.10
"""Height of the skin above an eye that closes over it, in eye distances."""
UNDER = 0.05
"""Height of the skin below that rises a little."""
_UPPER_SHARE = 0.94
"""How much of the way the upper lid goes, the lower one the rest (Evinger et al. 1991)."""
_MAX_STRETCH = 1.7
_OPEN_LEAST = 0.035
"""An eye that is open less than this, in eye distances, is shut or a slit: it does not blink."""
_LIGHTEST_LEAST = 1.25
"""The lightest of an eye must be this many times its darkest, or it is not seen: dark glasses."""


@dataclass(frozen=True, slots=True, eq=False)
class _Eye:
    left: int
    top: int
    across: Floats
    """Face coordinates of the pixels of its box, (H, W)."""
    down: Floats
    upper: Floats
    """Where the lids are at each pixel's `across`, (H, W), `down`."""
    lower: Floats
    lash: Floats
    """Colour of the lash line, (3,)."""


class Eyes:
    """The eyes of one portrait; those that are shut or not seen in it never move."""

    def __init__(self, picture: Image, axes: FaceAxes, face: Places) -> None:
        """`face` (68, 2) in face coordinates."""
        self._picture, self._axes = picture, axes
        self.white = _white(picture, axes, face)
        self._eyes = [eye for ring in EYES if (eye := _read_eye(picture, axes, face[list(ring)])) is not None]

    def __len__(self) -> int:
        """How many of them can blink."""
        return len(self._eyes)

    def draw(self, canvas: Image, closed: float, gaze: tuple[float, float]) -> None:
        """Put the eyes onto `canvas`, a copy of the portrait.

        Args:
            canvas: (H, W, 3), changed in place.
            closed: from 0, as in the portrait, to 1, shut.
            gaze: where they look beside where the portrait looks, in eye distances, picture's right and down.
        """
        for eye in self._eyes:
            height, width = eye.across.shape
            box = canvas[eye.top : eye.top + height, eye.left : eye.left + width]
            box[:] = self._drawn(eye, closed, gaze)

    def _drawn(self, eye: _Eye, closed: float, gaze: tuple[float, float]) -> Image:
        opening = eye.lower - eye.upper
        edge = eye.upper + np.float32(closed * _UPPER_SHARE) * opening
        under = eye.lower - np.float32(closed * (1 - _UPPER_SHARE)) * opening
        sx, sy = _looked(eye, gaze)
        lid = eye.upper - CREASE + CREASE * _stretched((eye.down - eye.upper + CREASE) / (edge - eye.upper + CREASE), closed)
        fold = eye.lower + UNDER * (1 - _stretched((eye.lower + UNDER - eye.down) / (eye.lower + UNDER - under), closed))
        ball = (eye.down > edge) & (eye.down < under)
        on_lid = eye.down <= edge
        source = np.stack([np.where(ball, sx, eye.across), np.where(ball, sy, np.where(on_lid, lid, fold))], -1)
        untouched = (eye.down < eye.upper - CREASE) | (eye.down > eye.lower + UNDER)
        source[untouched] = np.stack([eye.across, eye.down], -1)[untouched]
        places = self._axes.to_pixels(source).astype(np.float32)
        seen = cv2.remap(self._picture, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return self._lashes(seen, eye, edge, opening, closed)

    def _lashes(self, seen: Image, eye: _Eye, edge: Floats, opening: Floats, closed: float) -> Image:
        """A thin dark line where the lid ends, as strong as the lid is closed."""
        wide = max(0.006, 0.8 / self._axes.unit_px)
        line = np.exp(-(((eye.down - edge) / wide) ** 2)) * np.clip(opening / 0.03, 0, 1) * (0.6 * closed)
        return np.asarray(seen + (eye.lash - seen) * line[..., None], np.uint8)


def _stretched(place: Floats, closed: float) -> Floats:
    """Where a place on a stretched lid, 0 at its fold and 1 at its edge, was before: the edge gives way most."""
    stretch = 1 + (_MAX_STRETCH - 1) * np.float32(min(1.0, 2 * closed))
    place = np.clip(place, 0, 1)
    return np.asarray(stretch * place + (1 - stretch) * place * place, np.float32)


def _looked(eye: _Eye, gaze: tuple[float, float]) -> tuple[Floats, Floats]:
    """Where the pixels of an eyeball that looks aside come from: what is near the lids stays."""
    near = np.minimum(eye.down - eye.upper, eye.lower - eye.down) / 0.025
    held = np.clip(near, 0, 1)
    return eye.across - np.float32(gaze[0]) * held, eye.down - np.float32(gaze[1]) * held


def _read_eye(picture: Image, axes: FaceAxes, ring: Places) -> _Eye | None:
    """An eye with landmarks `ring` (6, 2), face coordinates; None where there is none to move."""
    opening = (ring[[5, 4], 1] - ring[[1, 2], 1]).mean()
    if opening < _OPEN_LEAST or not _is_seen(picture, axes, ring):
        return None
    low = axes.to_pixels(np.array([[ring[0, 0], ring[:, 1].min() - CREASE], [ring[3, 0], ring[:, 1].min() - CREASE],
                                   [ring[0, 0], ring[:, 1].max() + UNDER], [ring[3, 0], ring[:, 1].max() + UNDER]]))
    left, top = np.maximum(np.floor(low.min(0)) - 2, 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(low.max(0)) + 3, picture.shape[1::-1]).astype(int).tolist()
    pixels = np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), -1)
    if not pixels.size:
        return None
    places = axes.to_face(pixels).astype(np.float32)
    across, down = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])
    upper, lower = (_lid(ring[indices], across) for indices in ([0, 1, 2, 3], [0, 5, 4, 3]))
    return _Eye(left, top, across, down, np.minimum(upper, lower), np.maximum(upper, lower), _lash(picture, axes, ring))


def _lid(points: Places, across: Floats) -> Floats:
    """The height of a lid, a cubic through its four landmarks, at each `across`; flat beyond its ends."""
    line = np.polynomial.Polynomial.fit(points[:, 0], points[:, 1], 3)
    return np.asarray(line(np.clip(across, points[0, 0], points[3, 0])), np.float32)


def _ring_places(axes: FaceAxes, ring: Places) -> Places:
    """A grid over the open eye, (5, 15, 2), pixels."""
    across = np.linspace(0.12, 0.88, 15)
    upper, lower = (
        np.stack([np.interp(across, [0, 0.35, 0.65, 1], ring[indices, axis]) for axis in range(2)], -1)
        for indices in ([0, 1, 2, 3], [0, 5, 4, 3])
    )
    share = np.linspace(0.2, 0.8, 5)[:, None, None]
    return axes.to_pixels(upper + (lower - upper) * share)


def _eye_pixels(picture: Image, axes: FaceAxes, ring: Places) -> Floats:
    places = _ring_places(axes, ring).astype(np.float32)
    return cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _is_seen(picture: Image, axes: FaceAxes, ring: Places) -> bool:
    levels = _eye_pixels(picture, axes, ring).mean(-1)
    return float(np.quantile(levels, 0.95)) > _LIGHTEST_LEAST * float(np.quantile(levels, 0.05)) + 8


def _lash(picture: Image, axes: FaceAxes, ring: Places) -> Floats:
    """The dark of the upper lid's edge, (3,)."""
    places = axes.to_pixels(np.linspace(ring[1], ring[2], 9)[:, None] + np.array([[0, -0.012], [0, 0.0], [0, 0.012]]))
    seen = cv2.remap(picture, places.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.quantile(seen.reshape(-1, 3), 0.15, axis=0), np.float32)


def _white(picture: Image, axes: FaceAxes, face: Places) -> Floats | None:
    """The colour of the whites of the eyes, (3,), where one is open."""
    rings = [face[list(ring)] for ring in EYES]
    seen = [_eye_pixels(picture, axes, ring).reshape(-1, 3) for ring in rings if np.ptp(ring[:, 1]) > _OPEN_LEAST]
    if not seen:
        return None
    pixels: NDArray[np.float32] = np.concatenate(seen)
    levels = pixels.mean(-1)
    lightest = pixels[(levels > np.quantile(levels, 0.75)) & (levels < np.quantile(levels, 0.95))]
    return np.asarray(lightest.mean(0), np.float32) if len(lightest) else None
