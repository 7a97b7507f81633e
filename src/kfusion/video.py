"""Pictures out of video files, always by time stamp and never by counting."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.media.holes import Holes
from kfusion.media.opening import open_media
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
    path = Path(path)
    holes, last_s = Holes(path, "picture"), None
    with open_media(path, "video") as media:
        frames, shape = Frames(media), media.stream.sample_aspect_ratio
        for frame in frames:
            if frame.time is None:
                continue
            time_s = float(frame.time)
            if last_s is not None and time_s - last_s > STILL_S:
                holes.add(last_s, time_s - last_s)
            last_s = time_s
            if not wanted(time_s):
                continue
            with media.decoding:
                picture = _upright(frame, shape)
            yield time_s, picture


def _upright(frame: Any, pixel_aspect: Fraction | None) -> Image:
    width = None
    if pixel_aspect and 1 / _WIDEST_PIXEL < pixel_aspect < _WIDEST_PIXEL and pixel_aspect != 1:
        width = round(frame.width * pixel_aspect)
    picture = frame.to_ndarray(format="rgb24", width=width)
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, quarter_turns)) if quarter_turns else picture
