"""Parts of a picture as a face finder gets to see them: cut out, scaled, turned, mirrored; and the way back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from PIL import Image as Pillow

from kfusion.landmarks import EYE_CORNERS, MIRROR, Points, inter_ocular_distance
from kfusion.video import Image

SMALL_SIDE_PX = 1600
"""A larger picture is first looked at scaled down to this."""
TILE_PX = 256
LOOK_PX = 400
_MIN_TILE_PX = 16
_DEEPEST_TILE_PX = 480
"""A face is found from 1/8 of the side of its tile, so those of 60 pixels are found on tiles of this size."""


_FLAT = 8
"""Levels of 255 between the darkest and the brightest pixel of a square that shows nothing."""


class Finder(Protocol):
    """What finds faces; `kfusion.face.FaceFinder` is one."""

    def find(self, image: Image) -> list[Points]:
        """The faces in `image`, largest first, each (68, 2) in image pixels."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, and a copy of it that is small enough to be looked at whole."""

    picture: Pillow.Image
    """RGB."""
    small: Pillow.Image
    """Longer side at most `SMALL_SIDE_PX`."""

    @classmethod
    def of(cls, picture: Pillow.Image) -> Self:
        """The scene that `picture` (RGB) shows."""
        shrunk = SMALL_SIDE_PX / max(picture.size)
        if shrunk >= 1:
            return cls(picture, picture)
        width, height = (max(1, round(side * shrunk)) for side in picture.size)
        return cls(picture, picture.resize((width, height), Pillow.Resampling.BICUBIC, reducing_gap=2.0))

    def faces(self, finder: Finder, quarter_turns: int = 0) -> list[Points]:
        """The faces of the whole picture, looked at after counter-clockwise turns, in pixels of the picture."""
        turned = np.ascontiguousarray(np.rot90(np.asarray(self.small), quarter_turns))
        scale = np.array(self.picture.size) / np.array(self.small.size)
        return [
            np.asarray(_turned_back(face, quarter_turns, turned.shape) * scale, np.float32)
            for face in finder.find(turned)
        ]


@dataclass(frozen=True, slots=True)
class View:
    """A square of a picture, turned and perhaps mirrored. What lies outside the picture is black."""

    left: int
    top: int
    side: int
    """Of the square, in pixels of the picture."""
    quarter_turns: int = 0
    """How often it is turned, counter-clockwise, before it is looked at."""
    mirrored: bool = False
    """Whether it is mirrored after that."""
    size_px: int = LOOK_PX
    """It is scaled to this side; a smaller tile is left as it is."""

    def faces(self, finder: Finder, scene: Scene) -> list[Points]:
        """The faces in it, in pixels of the picture."""
        square, scale = self._square(scene)
        if np.ptp(np.array(square.getextrema()), axis=-1).max() < _FLAT:
            return []
        turned = np.rot90(np.asarray(square), self.quarter_turns)
        pixels = np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)
        return [self._placed(face, pixels.shape, scale) for face in finder.find(pixels)]

    def _square(self, scene: Scene) -> tuple[Pillow.Image, float]:
        """The square as it is looked at, and its pixels in one of the picture's."""
        source = scene.small if self.side > SMALL_SIDE_PX else scene.picture
        shrunk = source.width / scene.picture.width
        box = [round(edge * shrunk) for edge in (self.left, self.top, self.left + self.side, self.top + self.side)]
        square = source.crop((box[0], box[1], box[2], box[3]))
        size = min(self.size_px, self.side) if self.size_px == TILE_PX else self.size_px
        return square.resize((size, size), Pillow.Resampling.BILINEAR, reducing_gap=2.0), size / self.side

    def _placed(self, face: Points, shape: tuple[int, ...], scale: float) -> Points:
        if self.mirrored:
            face = face[MIRROR] * np.array([-1, 1], np.float32) + np.array([shape[1], 0], np.float32)
        face = _turned_back(face, self.quarter_turns, shape)
        return np.asarray(face / scale + np.array([self.left, self.top]), np.float32)


def around(face: Points, margin: float, *, quarter_turns: int = 0, mirrored: bool = False) -> View:
    """The square round `face`, its side `margin` times the longer side of the face."""
    low, high = face.min(0).astype(np.float64), face.max(0).astype(np.float64)
    side = max(2, int(np.ceil(margin * (high - low).max())))
    left, top = np.round((low + high) / 2 - side / 2).astype(int).tolist()
    return View(left, top, side, quarter_turns % 4, mirrored)


def face_distance(first: Points, second: Points) -> float:
    """From the middle of one face to that of another."""
    return float(np.linalg.norm(first.mean(0) - second.mean(0)))


def face_size(face: Points) -> float:
    """The longer side of a face."""
    return float(np.ptp(face, axis=0).max())


def tiles(width: int, height: int, quarter_turns: int = 0) -> Iterator[list[View]]:
    """Squares that overlap by half and cover a picture, level by level: of half its longer side, a quarter, ..."""
    for side in _tile_sides(max(width, height)):
        yield [
            View(left, top, side, quarter_turns, False, TILE_PX)
            for top in range(0, max(height - side // 2, 1), side // 2)
            for left in range(0, max(width - side // 2, 1), side // 2)
        ]


def _tile_sides(longer: int) -> Iterator[int]:
    """Each at least a quarter of the one before: a tile shows whole faces of 1/8 to 1/2 of its side."""
    for side in (longer // 2, longer // 4):
        if side >= _MIN_TILE_PX:
            yield side
    side = longer // 4
    while side > _DEEPEST_TILE_PX:
        side = max(side // 3, _DEEPEST_TILE_PX) if side > 4.2 * _DEEPEST_TILE_PX else _DEEPEST_TILE_PX
        yield side


def quarter_turns(face: Points) -> int:
    """How often a picture must be turned, counter-clockwise, so that `face` in it is upright, 0 to 3."""
    right, left = EYE_CORNERS
    x, y = (face[left] - face[right]).tolist()
    return round(float(np.degrees(np.arctan2(y, x))) / 90) % 4


def disagreement(first: Points, second: Points) -> float:
    """Mean distance between partners over the distance between the outer eye corners of `second`."""
    return float(np.linalg.norm(first - second, axis=-1).mean() / max(float(inter_ocular_distance(second)), 1e-6))


def _turned_back(points: Points, turns: int, shape: tuple[int, ...]) -> Points:
    """Points of a picture of `shape` (H, W, ...) before it was turned counter-clockwise `turns` times."""
    height, width = shape[:2]
    for _ in range(turns % 4):
        points = np.stack([height - points[:, 1], points[:, 0]], -1)
        height, width = width, height
    return points
