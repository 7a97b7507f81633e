"""The pictures of a clip, decoded once, and of all but a few of them only the square round the face.

To place the crop of a clip, the face is looked for every 0.4 s, and only then are all pictures cropped. Meanwhile a
part of each picture round the face that was seen first is kept as it was decoded: it is smaller than the picture, and
only the crop is turned into RGB, which costs as much as decoding. What comes out is the same, to the bit. Where the
face leaves that part, or more would be kept than `MAX_KEPT_BYTES`, the video is decoded again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from kfusion.data.crop import SCOUT_INTERVAL_S, Crop
from kfusion.data.scout import Scout, most_often_seen
from kfusion.errors import InputError
from kfusion.face import Finder
from kfusion.face.views import face_distance, face_size
from kfusion.landmarks import Points
from kfusion.video import Image, Still, video_stills

MAX_KEPT_BYTES = 256 << 20
ROOM = 1.4
"""Side of the part that is kept over that of a crop round the first face."""
_GRID_PX = 64
"""The corners of what is kept lie on this grid, so that FFmpeg turns each pixel into RGB as in the whole picture."""
_SUBSAMPLED = {"yuv420p": 2, "yuvj420p": 2, "yuv444p": 1, "yuvj444p": 1}
"""Formats of pixels that are kept in part, with the pixels that share a colour, across and down."""
_LEAST_OTHER = 1 / 3
"""A second face that is smaller than this share of the first is in the background."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a decoded picture."""

    time_s: float
    planes: tuple[NDArray[np.uint8], ...]
    """Brightness and two of colour."""
    pixels: tuple[str, int, int]
    """Format, range and space of the colours."""

    def crop(self, crop: Crop, corner: tuple[int, int]) -> Image:
        """The 256 x 256 crop, where the part's own corner lies at `corner` (left, top) of the picture."""
        height, width = self.planes[0].shape
        share = _SUBSAMPLED[self.pixels[0]]
        left, right = _on_grid(crop.left - corner[0], crop.left + crop.side - corner[0], width)
        top, bottom = _on_grid(crop.top - corner[1], crop.top + crop.side - corner[1], height)
        frame = av.VideoFrame(right - left, bottom - top, self.pixels[0])
        frame.color_range, frame.colorspace = self.pixels[1:]
        for target, plane, by in zip(frame.planes, self.planes, (1, share, share), strict=True):
            part = plane[top // by : -(-bottom // by), left // by : -(-right // by)]
            _rows(target)[:, : target.width] = part
        inner = Crop(left=crop.left - corner[0] - left, top=crop.top - corner[1] - top, side=crop.side)
        return inner.image(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))


@dataclass(slots=True)
class _Keeper:
    """Keeps a part of every picture from the first one on."""

    box: tuple[int, int, int, int] | None = None
    """Left, top, right, bottom."""
    pieces: list[_Piece] = field(default_factory=list)
    size: int = 0
    whole: bool = True
    """Whether every picture so far is kept."""

    def keep(self, still: Still, face: Points | None) -> None:
        """Take a picture, in which `face` may have been seen."""
        if not self.whole:
            return
        if self.box is None and face is not None and _can_be_cut(still):
            self.box = _room(face, still)
        if self.box is None or not _can_be_cut(still):
            self._give_up()
            return
        piece = _cut(still, self.box)
        self.pieces.append(piece)
        self.size += sum(plane.nbytes for plane in piece.planes)
        if self.size > MAX_KEPT_BYTES:
            self._give_up()

    def holds(self, crop: Crop, shape: tuple[int, int]) -> bool:
        """Whether all that a crop shows of pictures of this width and height is kept."""
        if not self.whole or self.box is None:
            return False
        left, top, right, bottom = self.box
        x, y = (max(0, crop.left), max(0, crop.top))
        beyond_x, beyond_y = min(shape[0], crop.left + crop.side), min(shape[1], crop.top + crop.side)
        return left <= x < beyond_x <= right and top <= y < beyond_y <= bottom

    def _give_up(self) -> None:
        self.whole = False
        self.pieces.clear()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reel:
    """A clip whose face is found."""

    video: Path
    crop: Crop
    notes: tuple[str, ...]
    """What is odd about its pictures."""
    pieces: tuple[_Piece, ...] | None
    """None where the video has to be decoded again."""
    corner: tuple[int, int] = (0, 0)

    def crops(self) -> Iterator[tuple[float, Image]]:
        """The crop of every picture with its time stamp.

        Raises:
            InputError: the video cannot be decoded.
        """
        if self.pieces is None:
            for still in video_stills(self.video):
                yield still.time_s, self.crop.image(still.picture())
            return
        for piece in self.pieces:
            yield piece.time_s, piece.crop(self.crop, self.corner)


def watch(video: Path, finder: Finder, crowd: Finder | None = None) -> Reel:
    """Look for the face in a picture every 0.4 s, and place the crop that holds it throughout the clip.

    Of several faces it is the one that is seen most often. A face that is too small to be found in the whole picture
    is looked for on tiles, and from then on where it was last.

    Args:
        video: a file.
        finder: of the face.
        crowd: of several faces, to say where there are others.

    Raises:
        InputError: no picture shows a face, or the video cannot be decoded.
    """
    scout, keeper, seen, notes = Scout(finder), _Keeper(), list[Points](), list[str]()
    next_s, shape = -np.inf, (0, 0)
    for still in video_stills(video):
        face = None
        if still.time_s >= next_s:
            next_s, picture = still.time_s + SCOUT_INTERVAL_S, still.picture()
            face = scout.find(picture)
            if face is not None and not seen:
                notes = [*_turned(still), *_others(picture, face, crowd)]
            seen += [] if face is None else [face]
        keeper.keep(still, face)
        shape = (still.frame.width, still.frame.height)
    if not seen:
        raise InputError(f"{video}: no face found in any picture")
    crop = Crop.around(np.array(most_often_seen(seen)))
    if keeper.holds(crop, shape) and keeper.box is not None:
        return Reel(video=video, crop=crop, notes=tuple(notes), pieces=tuple(keeper.pieces), corner=keeper.box[:2])
    return Reel(video=video, crop=crop, notes=tuple(notes), pieces=None)


def _turned(still: Still) -> list[str]:
    turns = still.quarter_turns
    return [f"its file says that the pictures are to be turned by {90 * turns} degrees: they are"] if turns else []


def _others(picture: Image, face: Points, crowd: Finder | None) -> list[str]:
    faces = [] if crowd is None else crowd.find(picture)
    large = [other for other in faces if face_size(other) > _LEAST_OTHER * face_size(face)]
    apart = [other for other in large if face_distance(other, face) > face_size(face) / 2]
    return [f"{1 + len(apart)} faces: the one that is seen most often is taken"] if apart else []


def _can_be_cut(still: Still) -> bool:
    frame = still.frame
    return not still.quarter_turns and still.shown_width == frame.width and frame.format.name in _SUBSAMPLED


def _room(face: Points, still: Still) -> tuple[int, int, int, int]:
    crop = Crop.around(face[None])
    spare = round(crop.side * (ROOM - 1) / 2)
    left, right = _on_grid(crop.left - spare, crop.left + crop.side + spare, still.frame.width)
    top, bottom = _on_grid(crop.top - spare, crop.top + crop.side + spare, still.frame.height)
    return left, top, right, bottom


def _on_grid(low: int, high: int, end: int) -> tuple[int, int]:
    """The stretch from `low` to `high`, a little longer, inside 0 to `end`; never empty."""
    start = min(max(0, low // _GRID_PX * _GRID_PX), max(0, (end - 1) // _GRID_PX * _GRID_PX))
    return start, max(start + 1, min(end, -(-high // _GRID_PX) * _GRID_PX))


def _rows(plane: Any) -> NDArray[np.uint8]:
    """The memory of a plane of a picture."""
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)


def _cut(still: Still, box: tuple[int, int, int, int]) -> _Piece:
    frame, (left, top, right, bottom) = still.frame, box
    share = _SUBSAMPLED[frame.format.name]
    planes = []
    for plane, by in zip(frame.planes, (1, share, share), strict=True):
        planes.append(_rows(plane)[top // by : -(-bottom // by), left // by : -(-right // by)].copy())
    return _Piece(still.time_s, tuple(planes), (frame.format.name, int(frame.color_range), int(frame.colorspace)))
