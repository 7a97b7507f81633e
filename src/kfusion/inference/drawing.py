"""A face of 68 points drawn over a still picture, quickly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from kfusion.inference.identity import Identity, Portrait
from kfusion.landmarks import CONTOURS, MOUTH, Points, inter_ocular_distance
from kfusion.video import Image

MAX_SIDE_PX = 640
MIN_SIDE_PX = 512
"""A smaller portrait is scaled up, so that the lines are fine beside the face."""
VIEW_SHARE = 2.6
"""A portrait that is larger than this many faces is shown around the face only."""
DARK = (18, 20, 26)
HALO = (10, 12, 20, 90)
FACE_COLOUR = (214, 240, 255)
MOUTH_COLOUR = (255, 214, 72)
LINE_SHARE, DOT_SHARE = 0.008, 0.018
"""Half the width of a line and radius of a dot over the distance between the outer eye corners."""
_OVERSAMPLING = 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ground:
    """The still picture under the moving points."""

    picture: Image
    """(H, W, 3), RGB, H and W even."""
    low: NDArray[np.float64]
    """What its upper left corner shows, (2,), in the frame of the landmarks."""
    scale: NDArray[np.float64]
    """Its pixels in one unit of the landmarks, (2,)."""

    def place(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Points (..., 2) in pixels of the ground."""
        return (points - self.low) * self.scale


def make_ground(identity: Identity, points: Points) -> Ground:
    """The portrait of `identity`, or without one a dark ground that holds all `points` (T, 68, 2)."""
    if identity.portrait is not None:
        return _portrait_ground(identity.portrait, identity.points)
    low, high = _view(identity.points, points)
    width, height = size = _preview_size(high - low)
    dark = np.full((height, width, 3), DARK, np.uint8)
    return Ground(picture=dark, low=low, scale=np.array(size) / (high - low))


def _portrait_ground(portrait: Portrait, face: Points) -> Ground:
    low, high = np.zeros(2), np.array(portrait.size_px, np.float64)
    middle, reach = (face.max(0) + face.min(0)) / 2.0, VIEW_SHARE / 2 * np.ptp(face, axis=0).max()
    low, high = np.maximum(low, np.floor(middle - reach)), np.minimum(high, np.ceil(middle + reach))
    size = _preview_size(high - low)
    box = tuple(np.concatenate([low / portrait.scale, high / portrait.scale]).tolist())
    shown = Pillow.fromarray(portrait.picture).resize(size, Pillow.Resampling.LANCZOS, box=box)
    return Ground(picture=np.array(shown), low=low, scale=np.array(size) / (high - low))


def _view(face: Points, points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A square that holds everything, with a margin."""
    low = np.minimum(face.min(0), points.min((0, 1))).astype(np.float64)
    high = np.maximum(face.max(0), points.max((0, 1))).astype(np.float64)
    middle, reach = (low + high) / 2, 0.65 * (high - low).max()
    return middle - reach, middle + reach


def _preview_size(extent: NDArray[np.float64]) -> tuple[int, int]:
    """Even width and height of the preview of a picture of `extent` (2,)."""
    longer = float(extent.max())
    ratio = min(max(longer, MIN_SIDE_PX), MAX_SIDE_PX) / longer
    width, height = (max(2, 2 * round(side * ratio / 2)) for side in extent)
    return width, height


class FacePainter:
    """Draws faces over one ground; only the part of the picture that the faces cover is drawn anew."""

    def __init__(self, ground: Ground, points: Points) -> None:
        size = float(inter_ocular_distance(ground.place(points[:1]).astype(np.float32))[0])
        self._line = max(1, round(2 * _OVERSAMPLING * max(0.7, LINE_SHARE * size)))
        self._dot = _OVERSAMPLING * max(1.3, DOT_SHARE * size)
        self._ground = ground
        self._canvas = ground.picture.copy()
        self._left, self._top, right, bottom = _region(ground, points, margin=2 + self._dot)
        clean = ground.picture[self._top : bottom, self._left : right]
        self._clean = Pillow.fromarray(clean.repeat(_OVERSAMPLING, 0).repeat(_OVERSAMPLING, 1))

    def paint(self, points: Points) -> Image:
        """The ground with one face (68, 2) on it; the array is used again by the next call."""
        layer = self._clean.copy()
        if layer.width and layer.height:
            self._draw(ImageDraw.Draw(layer, "RGBA"), points)
            patch = np.asarray(layer.reduce(_OVERSAMPLING))
            height, width = patch.shape[:2]
            self._canvas[self._top : self._top + height, self._left : self._left + width] = patch
        return self._canvas

    def _draw(self, draw: ImageDraw.ImageDraw, points: Points) -> None:
        placed = ((self._ground.place(points) - [self._left, self._top]) * _OVERSAMPLING).tolist()
        lines = [[tuple(placed[i]) for i in (*line, *line[:closed])] for line, closed in CONTOURS]
        for line in lines:
            draw.line(line, HALO, self._line + 2 * _OVERSAMPLING)
        for line, (indices, _) in zip(lines, CONTOURS, strict=True):
            draw.line(line, _colour(indices[0]), self._line)
        for index, (x, y) in enumerate(placed):
            draw.ellipse((x - self._dot, y - self._dot, x + self._dot, y + self._dot), _colour(index))


def _colour(point: int) -> tuple[int, int, int]:
    return MOUTH_COLOUR if MOUTH.start <= point < MOUTH.stop else FACE_COLOUR


def _region(ground: Ground, points: Points, margin: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of the ground that any of `points` (T, 68, 2) covers."""
    ends = np.stack([points.min((0, 1)), points.max((0, 1))]).astype(np.float64)
    low, high = ground.place(ends) + np.array([[-margin], [margin]])
    height, width = ground.picture.shape[:2]
    left, top = np.clip(np.floor(low), 0, [width, height]).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, [width, height]).astype(int).tolist()
    return left, top, right, bottom
