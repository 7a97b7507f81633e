"""Recordings to samples: mono float32 at 16 kHz, decoded by FFmpeg through PyAV.

The frame rule of the whole package: sample n is heard at n / 16000 s after the start of the
recording, and landmark frame t shows the face at t / fps after the same start. The start is that of the sound; in a
file with pictures whose sound begins later than they do, it is the first picture.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError
from kfusion.media.channels import Channels, Mixer
from kfusion.media.clock import Clock
from kfusion.media.holes import Holes
from kfusion.media.level import Level, finite_peak, full_scale
from kfusion.media.opening import Media, Note, open_media
from kfusion.media.packets import Frames
from kfusion.media.tracks import SILENCE_PEAK, choose_track

log = logging.getLogger(__name__)

Samples = NDArray[np.float32]
"""Sound, (N,), mono, 16 kHz, full scale is 1."""

SAMPLE_RATE_HZ = 16_000
MIN_DURATION_S = 0.1
CLIPPED_LEVEL = 0.999
_INTERLEAVED = "flt"
"""Not the planar form: PyAV crashes on its arrays where the channels of a file have no names (8 in a plain WAV)."""

__all__ = ["CLIPPED_LEVEL", "MIN_DURATION_S", "SAMPLE_RATE_HZ", "SILENCE_PEAK", "MonoResampler", "Samples"]
__all__ += ["as_samples", "audio_blocks", "read_audio"]


def read_audio(path: str | Path, start_s: float | None = None) -> Samples:
    """All samples of a recording. `start_s` puts sample 0 at that time stamp of the container (see `audio_blocks`)."""
    blocks = list(audio_blocks(path, start_s=start_s))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def as_samples(samples: NDArray[Any], *, int16: bool = False) -> Samples:
    """An array as mono sound, not checked to be finite; with `int16` also one of 16-bit integers.

    Raises:
        InputError: it has another shape or another type.
    """
    if samples.ndim != 1:
        raise InputError(f"samples have shape {samples.shape}: pass mono sound at 16 kHz of shape (N,)")
    if int16 and samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(32768)
    if not np.issubdtype(samples.dtype, np.floating):
        wanted = (
            "int16, or floats with full scale at 1" if int16 else "floats with full scale at 1 (int16 divided by 32768)"
        )
        raise InputError(f"samples are {samples.dtype}: pass {wanted}")
    with np.errstate(over="ignore"):  # what becomes infinite is refused when it is heard
        return samples.astype(np.float32, copy=False)


def audio_blocks(
    path: str | Path, start_s: float | None = None, *, track: int | None = None, note: Note = log.warning
) -> Iterator[Samples]:
    """The samples of a sound track of any file FFmpeg reads, in blocks, in constant memory.

    Mono is the mean of the channels, unless they cancel each other out (see `Mixer`), and every rate is resampled to
    16 kHz. Where the time stamps leave a hole in the sound, silence stands; where they overlap, the sound is cut.

    Args:
        path: a file.
        start_s: sample 0 is the sound at this time stamp, so that it can be held against the picture: sound before it
            is cut, and silence stands where the track starts later. None for the start of the recording.
        track: which sound track, counted from 1; None for the default one, or the first that is not silent.
        note: called with a format and its arguments for everything that was filled in, cut, chosen or left out.

    Raises:
        InputError: the file is missing, empty, not audio, breaks off, or holds what cannot be sound.
    """
    path = Path(path)
    with open_media(path, "audio", track) as media:
        if track is None and media.choice > 1:
            yield from audio_blocks(path, start_s, track=default_track(media, note), note=note)
        else:
            yield from _TrackReader(media=media, note=note, scale=_full_scale(media, track)).blocks(start_s)


def default_track(media: Media, note: Note = log.warning) -> int:
    """The sound track that is heard where none is asked for, counted from 1 (see `choose_track`)."""
    if media.choice < 2:
        return 1
    track = choose_track(media.path)
    note(
        "%s: of its %d sound tracks, track %d is heard: --track (track=) takes another", media.path, media.choice, track
    )
    return track


def _full_scale(media: Media, track: int | None) -> float:
    """What full scale is; a file of floats is read to its end for it."""
    if not media.stream.codec_context.name.startswith("pcm_f"):
        return 1.0
    with open_media(media.path, "audio", track) as again:
        return full_scale(max((finite_peak(frame.to_ndarray()) for frame in Frames(again)), default=0.0))


@dataclass(kw_only=True, slots=True)
class _TrackReader:
    """Reads one track once."""

    media: Media
    note: Note
    scale: float
    _skip: int = 0
    """Samples that are still to be cut."""
    _turned: bool = False

    def blocks(self, start_s: float | None) -> Iterator[Samples]:
        """The samples from the time stamp `start_s` on."""
        path, frames = self.media.path, Frames(self.media)
        clock = Clock(Holes(path, "sound"), start_s)
        level = Level(str(path), self.scale, SAMPLE_RATE_HZ)
        for samples in self._mixed(self._timed(frames, clock)):
            if len(samples):
                yield level(samples)
        if not frames.heard_s:
            raise InputError(f"{path}: holds no sound (0 samples decoded): record or export it again")
        self._tell(frames, clock)

    def _timed(self, frames: Frames, clock: Clock) -> Iterator[Channels]:
        """The sound at 16 kHz, with silence where nothing is, and without what overlaps.

        Silence goes up to the sample where the next frame is due, so that what rounding adds is gone at every hole.
        """
        resample, decoding = Resampler(), self.media.decoding
        given, due_s = 0, 0.0
        for frame in frames:
            gap_s = clock(frame, frames.picture_s)
            gap, due_s = round(gap_s * SAMPLE_RATE_HZ), due_s + gap_s
            self._skip += max(0, -gap)
            given -= max(0, -gap)
            with decoding:
                pieces = resample.flush() if gap > 0 else []
                if gap > 0:
                    pieces += _silence(round(due_s * SAMPLE_RATE_HZ) - given - sum(map(len, pieces)), frame)
                pieces += resample(frame)
            given, due_s = given + sum(map(len, pieces)), due_s + frame.samples / frame.sample_rate
            yield from map(self._cut, pieces)
        yield from map(self._cut, resample.flush())

    def _cut(self, piece: Channels) -> Channels:
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        return piece[skipped:]

    def _mixed(self, blocks: Iterator[Channels]) -> Iterator[Samples]:
        mixer, channels = Mixer(), 0
        for block in blocks:
            if block.shape[1] != channels:
                yield from mixer.flush()
                self._turned |= mixer.turned
                mixer, channels = Mixer(), block.shape[1]
            yield from mixer(block)
        yield from mixer.flush()
        self._turned |= mixer.turned

    def _tell(self, frames: Frames, clock: Clock) -> None:
        frames.tell(self.note)
        clock.tell(self.note)
        path = self.media.path
        if self._turned:
            self.note("%s: its channels cancel each other out: each is turned to the phase of the loudest", path)
        if self.scale != 1:
            self.note("%s: its samples are 16-bit integers written as floats: divided by %.0f", path, self.scale)


def _silence(count: int, frame: Any) -> Iterator[Channels]:
    """`count` samples of nothing in as many channels as the frame has; none below 1."""
    for start in range(0, count, SAMPLE_RATE_HZ):
        shape = (min(SAMPLE_RATE_HZ, count - start), frame.layout.nb_channels)
        yield np.broadcast_to(np.float32(0), shape)


class Resampler:
    """Decoded frames to (N, channels) at one rate; theirs and the channels may change on the way."""

    def __init__(self, rate_hz: int = SAMPLE_RATE_HZ) -> None:
        self._rate_hz = rate_hz
        self._resampler: Any = None
        self._kind: tuple[Any, ...] = ()

    def __call__(self, frame: Any) -> list[Channels]:
        """The samples that a decoded frame made ready, in pieces."""
        kind = (frame.sample_rate, frame.layout.name, frame.format.name)
        flushed = self.flush() if kind != self._kind else []
        if self._resampler is None:
            self._resampler = av.AudioResampler(format=_INTERLEAVED, rate=self._rate_hz)
            self._kind = kind
        return [*flushed, *map(_by_channel, self._resampler.resample(frame))]

    def flush(self) -> list[Channels]:
        """What the resampler still holds back."""
        if self._resampler is None:
            return []
        rest = [*map(_by_channel, self._resampler.resample(None))]
        self._resampler = None
        return rest


class MonoResampler:
    """Decoded frames to mono at one rate.

    FFmpeg's own mixing to mono adds the channels up (two equal ones become 1.4 times as loud, eight
    4.4 times), so the mean is taken here.
    """

    def __init__(self, rate_hz: int = SAMPLE_RATE_HZ) -> None:
        self._resample = Resampler(rate_hz)

    def __call__(self, frame: Any) -> list[Samples]:
        """The samples (N,) that a decoded frame made ready, in pieces."""
        return [piece.mean(axis=1, dtype=np.float32) for piece in self._resample(frame)]

    def flush(self) -> list[Samples]:
        """What the resampler still holds back, (N,)."""
        return [piece.mean(axis=1, dtype=np.float32) for piece in self._resample.flush()]


def _by_channel(frame: Any) -> Channels:
    interleaved: Channels = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    return interleaved
