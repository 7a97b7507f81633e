"""How late the sound of a talking video is: what the default weights expect of the lips against what the pictures show.

A long video is watched in pieces of 15 s, evenly spread, ten minutes in all; its sound is heard whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kfusion.audio import SILENCE_PEAK, Samples, audio_blocks
from kfusion.data.crop import FaceTracker
from kfusion.data.lateness import GRID_HZ, Evidence, Lateness, MouthVelocity, compare, estimate, mouth_motion, pooled
from kfusion.errors import InputError
from kfusion.face import Finder
from kfusion.inference.generator import Generator, load
from kfusion.inference.recording import AudioLike, Recording
from kfusion.landmarks import POINT_COUNT, Points
from kfusion.media.opening import open_media
from kfusion.video import video_frames

PIECE_S, MAX_WATCHED_S = 15.0, 600.0
MIN_SYNC_S = 1.0
"""A shorter video is refused."""
_UNCLIPPED = np.float32(0.9)
"""The level changes nothing, and so no note warns of clipped sound, which is of no concern here."""
_MICROSECONDS = 1e6

Watched = Callable[[float], None]
"""Called with the seconds of the video that are behind."""


@dataclass(slots=True)
class _Stretch:
    """The pictures of one piece of a video."""

    start_s: float
    """After the first picture of the video."""
    times_s: list[float] = field(default_factory=list)
    faces: list[Points] = field(default_factory=list)


@dataclass(kw_only=True, slots=True, eq=False)
class _Soundtrack(Recording):
    """The sound of a video from its first picture on."""

    start_s: float
    peak: float = 0.0

    def blocks(self) -> Iterator[Samples]:
        """The samples in order, mono, 16 kHz."""
        assert isinstance(self.source, Path)
        for block in audio_blocks(self.source, self.start_s, track=self.track, note=self._note):
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
            yield _UNCLIPPED * block


def video_lateness(video: Path, model: Generator, finder: Finder, *, watched: Watched = lambda _: None) -> Lateness:
    """How late the sound of a video is, or why it cannot be told.

    Args:
        video: any file that FFmpeg reads.
        model: for recordings, the default weights: `LAG_MS` is theirs.
        finder: of faces.
        watched: is told how far it is.

    Raises:
        InputError: there are no pictures, no sound or no face, it lasts less than a second, or cannot be decoded.
    """
    start_s, duration_s = _span(video)
    sound = _Soundtrack(source=video, start_s=start_s)
    expected = expected_motion(model, sound)
    if sound.peak < SILENCE_PEAK:
        raise InputError(f"{video}: its sound is silent: pass a video with its speech")
    evidence: list[Evidence] = []
    seen, end_s = 0, 0.0
    for stretch in _watch(video, finder, start_s, duration_s):
        end_s = stretch.start_s + stretch.times_s[-1]
        faces = np.stack(stretch.faces)
        seen += int((~np.isnan(faces[:, 0, 0])).sum())
        evidence.append(_evidence(expected, stretch, faces))
        watched(end_s)
    if end_s < MIN_SYNC_S:
        raise InputError(f"{video}: lasts {end_s:.2f} s: pass at least {MIN_SYNC_S:g} s of speech")
    if not seen:
        raise InputError(f"{video}: no face found in any picture: pass a video of a talking face")
    return estimate(pooled(evidence), drifts=True)


def expected_motion(model: Generator, sound: AudioLike) -> MouthVelocity:
    """The velocities of the mouth that the sound lets expect, (7, T) at 100 Hz.

    Raises:
        InputError: there is no sound, or it cannot be decoded.
    """
    sequence = model.generate(sound, allow_silence=True)
    times_s = sequence.times_s
    return mouth_motion(sequence.points, times_s, int(times_s[-1] * GRID_HZ) + 1)


class Listener:
    """What the default weights expect of the lips, (7, T) at 100 Hz, for the sound of a clip; loaded when first asked.

    Args:
        threads: CPU threads; None for all cores.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._model: Generator | None = None

    def __call__(self, samples: Samples) -> MouthVelocity:
        """The motion that the samples let expect."""
        self._model = self._model or load(threads=self._threads)
        return expected_motion(self._model, _UNCLIPPED * samples)


def _span(video: Path) -> tuple[float, float | None]:
    """The time stamp of the first picture, and how long the file says that it is."""
    with open_media(video, "audio"):
        pass
    with open_media(video, "video") as media:
        duration_s = float(media.container.duration / _MICROSECONDS) if media.container.duration else None
    first = next(video_frames(video), None)
    if first is None:
        raise InputError(f"{video}: holds no picture: pass a video of a talking face")
    return first[0], duration_s


def _watch(video: Path, finder: Finder, start_s: float, duration_s: float | None) -> Iterator[_Stretch]:
    """The faces piece by piece, NaN where none is seen."""
    tracker, nothing = FaceTracker(finder), np.full((POINT_COUNT, 2), np.nan, np.float32)
    every_s = PIECE_S * max(1.0, (duration_s or 0.0) / MAX_WATCHED_S)
    stretch = _Stretch(0.0)
    for stamp_s, picture in video_frames(video, lambda stamp_s: (stamp_s - start_s) % every_s < PIECE_S):
        begin_s = (stamp_s - start_s) // every_s * every_s
        if begin_s != stretch.start_s and stretch.times_s:
            yield stretch
            stretch = _Stretch(begin_s)
        time_s = stamp_s - start_s - begin_s
        if not stretch.times_s or time_s > stretch.times_s[-1]:
            face = tracker.find(picture, stamp_s)
            stretch.times_s.append(time_s)
            stretch.faces.append(nothing if face is None else face)
    if stretch.times_s:
        yield stretch


def _evidence(expected: MouthVelocity, stretch: _Stretch, faces: Points) -> Evidence:
    first = round(stretch.start_s * GRID_HZ)
    times_s = np.array(stretch.times_s) + stretch.start_s - first / GRID_HZ
    return compare(expected, mouth_motion(faces, times_s, int(times_s[-1] * GRID_HZ) + 1), first=first)
