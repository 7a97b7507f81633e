"""Pictures out of video files, always by time stamp and never by counting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.media.holes import Holes
from kfusion.media.opening import Media, open_media
from kfusion.media.packets import Frames

Image = NDArray[np.uint8]
"""A picture, (H, W, 3), RGB."""

STILL_S = 1.0
"""A picture that stays longer than this is a hole in the video, as they are bounded."""
_WIDEST_PIXEL = 4


def video_frames(path: str | Path, wanted: Callable[[float], bool] = lambda _: True) -> Iterator[tuple[float, Image]]:
    """The pictures of the first video track with their time stamps in seconds, in order of showing.

    They come as a player shows them: turned upright and with square pixels, where the file says so. Those at time
    stamps that are not `wanted` are left out, which saves time.

    Raises:
        InputError: the file is missing, has no video, breaks off, or cannot be decoded.
    """
    for still in video_stills(path):
        if wanted(still.time_s):
            yield still.time_s, still.picture()


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of a video as it was decoded, which costs less than half of what it costs as RGB."""

    time_s: float
    frame: Any
    """PyAV's."""
    media: Media

    @property
    def quarter_turns(self) -> int:
        """How often a player turns it, counter-clockwise."""
        return int(round(self.frame.rotation / 90) % 4)

    @property
    def shown_width(self) -> int:
        """In square pixels, before it is turned."""
        aspect = self.media.stream.sample_aspect_ratio
        if aspect and 1 / _WIDEST_PIXEL < aspect < _WIDEST_PIXEL and aspect != 1:
            width: int = round(self.frame.width * aspect)
            return width
        return int(self.frame.width)

    def picture(self) -> Image:
        """As a player shows it."""
        width = None if self.shown_width == self.frame.width else self.shown_width
        with self.media.decoding:
            picture = self.frame.to_ndarray(format="rgb24", width=width)
        return np.ascontiguousarray(np.rot90(picture, self.quarter_turns)) if self.quarter_turns else picture


def video_stills(path: str | Path) -> Iterator[Still]:
    """The pictures of the first video track, in order of showing.

    Raises:
        InputError: as `video_frames`.
    """
    path = Path(path)
    holes, last_s = Holes(path, "picture"), None
    with open_media(path, "video") as media:
        for frame in Frames(media):
            if frame.time is None:
                continue
            time_s = float(frame.time)
            if last_s is not None and time_s - last_s > STILL_S:
                holes.add(last_s, time_s - last_s)
            last_s = time_s
            yield Still(time_s, frame, media)
