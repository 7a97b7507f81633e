"""The square of a picture that holds the face, placed once a clip or moved along with the face."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image as Pillow

from kfusion.data.scout import Scout
from kfusion.face import Finder
from kfusion.landmarks import CROP_SIZE_PX, Points
from kfusion.video import Image

SCOUT_INTERVAL_S = 0.4
CROP_MARGIN = 1.5
"""Side of the square crop over the longer side of the box that holds the face throughout the clip."""
_LEAST_ROOM, _LEAST_FACE = 0.05, 0.4
"""A face that is nearer to an edge of its crop than this share of the side, or smaller than that, gets a new one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crop:
    """The square of the picture that becomes 256 x 256: crop = (image - (left, top)) * 256 / side."""

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, faces: Points) -> Self:
        """The crop that holds all of `faces` (T, 68, 2), image pixels, with a margin; those that are NaN are none."""
        low, high = np.nanmin(faces, (0, 1)), np.nanmax(faces, (0, 1))
        side = int(np.ceil(CROP_MARGIN * (high - low).max()))
        left, top = np.round((low + high) / 2 - side / 2).astype(int)
        return cls(left=int(left), top=int(top), side=side)

    def has_room_for(self, face: Points) -> bool:
        """Whether `face` (68, 2), image pixels, stands well inside and is not small in it."""
        place = (face - [self.left, self.top]) / self.side
        inside = place.min() > _LEAST_ROOM and place.max() < 1 - _LEAST_ROOM
        return bool(inside and np.ptp(place, axis=0).max() > _LEAST_FACE)

    def image(self, picture: Image) -> Image:
        """The 256 x 256 crop; what lies outside the picture is black."""
        box = (self.left, self.top, self.left + self.side, self.top + self.side)
        square = Pillow.fromarray(picture).crop(box)
        return np.asarray(square.resize((CROP_SIZE_PX, CROP_SIZE_PX), Pillow.Resampling.BILINEAR))

    def to_crop(self, points: Points) -> Points:
        """Points (..., 2) from image pixels to crop pixels."""
        return ((points - [self.left, self.top]) * (CROP_SIZE_PX / self.side)).astype(np.float32)

    def to_image(self, points: Points) -> Points:
        """Points (..., 2) from crop pixels to image pixels."""
        return (points * (self.side / CROP_SIZE_PX) + [self.left, self.top]).astype(np.float32)


class FaceTracker:
    """The landmarks of one face, picture after picture, where videos are long and faces move.

    While it is lost it is looked for every 0.4 s.

    Args:
        finder: of faces.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder, self._scout = finder, Scout(finder)
        self._crop: Crop | None = None
        self._next_s = -np.inf

    def find(self, picture: Image, time_s: float) -> Points | None:
        """The face in the picture at `time_s`, (68, 2), in its pixels; None where it is not seen."""
        face = self._near(picture)
        if face is None:
            return self._find_again(picture, time_s)
        if self._crop is not None and not self._crop.has_room_for(face):
            self._crop = Crop.around(face[None])
        return face

    def _near(self, picture: Image) -> Points | None:
        """The face where the last one was."""
        if self._crop is None:
            return None
        found = self._finder.find(self._crop.image(picture))
        return self._crop.to_image(found[0]) if found else None

    def _find_again(self, picture: Image, time_s: float) -> Points | None:
        self._crop = None
        if time_s < self._next_s:
            return None
        face = self._scout.find(picture)
        if face is None:
            self._next_s = time_s + SCOUT_INTERVAL_S
            return None
        self._crop = Crop.around(face[None])
        closer = self._near(picture)
        return face if closer is None else closer
