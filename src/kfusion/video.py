"""Pictures out of video files, always by time stamp and never by counting."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.media import check_end, open_media

Image = NDArray[np.uint8]
"""A picture, (H, W, 3), RGB."""

_WIDEST_PIXEL = 4


def video_frames(path: str | Path) -> Iterator[tuple[float, Image]]:
    """The pictures of the first video track with their time stamps in seconds, in order of showing.

    They come as a player shows them: turned upright and with square pixels, where the file says so.

    Raises:
        InputError: the file is missing, has no video, breaks off, or cannot be decoded.
    """
    path = Path(path)
    with open_media(path, "video") as (container, stream):
        end_s = 0.0
        for frame in container.decode(stream):
            if frame.time is None:
                continue
            end_s = float(frame.time) + float((frame.duration or 0) * (frame.time_base or 0))
            yield float(frame.time), _upright(frame, stream.sample_aspect_ratio)
        check_end(path, container, stream, end_s)


def _upright(frame: Any, pixel_aspect: Fraction | None) -> Image:
    width = None
    if pixel_aspect and 1 / _WIDEST_PIXEL < pixel_aspect < _WIDEST_PIXEL and pixel_aspect != 1:
        width = round(frame.width * pixel_aspect)
    picture = frame.to_ndarray(format="rgb24", width=width)
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, quarter_turns)) if quarter_turns else picture
