"""Which of the sound tracks of a file has the voice."""

from pathlib import Path
from typing import Any

import av
import numpy as np

from kfusion.errors import InputError
from kfusion.media.opening import Media, open_container, open_media, tracks
from kfusion.media.packets import Frames

SILENCE_PEAK = 1e-4
"""A recording whose samples all stay under this (-80 dBFS) is silent."""
LISTEN_S = 60.0
"""How much of a track is heard before it is taken for silent."""


def choose_track(path: Path) -> int:
    """The sound track to hear, of several, counted from 1.

    It is the one that the file calls its default, or the first; unless that is silent for a minute or cannot be
    decoded, and another is not.

    Raises:
        InputError: as `open_container`.
    """
    with open_container(path) as container:
        found = tracks(container, "audio")
        ranked = sorted(range(len(found)), key=lambda place: not _is_default(found[place]))
        decodable = [place + 1 for place in ranked if found[place].codec_context is not None] or [1]
    return next((track for track in decodable if _sounds(path, track)), decodable[0])


def _is_default(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.default)


def _sounds(path: Path, track: int) -> bool:
    """Whether there is sound in the first minute of a track; not in what cannot be decoded."""
    try:
        with open_media(path, "audio", track) as media:
            return _is_heard(media)
    except InputError:
        return False


def _is_heard(media: Media) -> bool:
    frames = Frames(media)
    resampler = av.AudioResampler(format="flt")
    for frame in frames:
        for plain in resampler.resample(frame):
            if np.abs(plain.to_ndarray()).max(initial=0.0) >= SILENCE_PEAK:
                return True
        if frames.heard_s > LISTEN_S:
            return False
    return False
