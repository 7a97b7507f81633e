"""Recordings to samples: mono float32 at 16 kHz, decoded by FFmpeg through PyAV.

The frame rule of the whole package: sample n is heard at n / 16000 s after the start of the
recording, and landmark frame t shows the face at t / fps after the same start.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError
from kfusion.media import Damage, check_end, frames_past_damage, open_media

Samples = NDArray[np.float32]
"""Sound, (N,), mono, 16 kHz, full scale is 1."""

SAMPLE_RATE_HZ = 16_000
MIN_DURATION_S = 0.1
SILENCE_PEAK = 1e-4
"""A recording whose samples all stay under this (-80 dBFS) is silent."""
CLIPPED_LEVEL = 0.999
_INTERLEAVED = "flt"
"""Not the planar form: PyAV crashes on its arrays where the channels of a file have no names (8 in a plain WAV)."""
_GAP_S = 0.05
"""A jump of the time stamps by more than this is a hole in the sound; less is rounding."""


def read_audio(path: str | Path, start_s: float | None = None) -> Samples:
    """All samples of a recording. `start_s` puts sample 0 at that time stamp of the container (see `audio_blocks`)."""
    blocks = list(audio_blocks(path, start_s=start_s))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def audio_blocks(path: str | Path, start_s: float | None = None) -> Iterator[Samples]:
    """The samples of the first audio track of any file FFmpeg reads, in blocks, in constant memory.

    Mono is the mean of the channels, and every rate is resampled to 16 kHz. With `start_s`, sample 0
    is the sound at that time stamp, so that it can be held against the picture: sound before it is
    cut, and silence stands where the track starts later and where it has a hole.

    Raises:
        InputError: the file is missing, empty, not audio, or breaks off.
    """
    path = Path(path)
    with open_media(path, "audio") as (container, stream):
        end_s, damage = 0.0, Damage()
        for end_s, samples in _on_clock(frames_past_damage(container, stream, damage), start_s):  # noqa: B007 - read below
            if len(samples):
                yield samples
        if end_s == 0:
            raise InputError(f"{path}: holds no sound (0 samples decoded): record or export it again")
        check_end(path, container, stream, end_s)
        damage.note(path)


def _on_clock(frames: Iterable[Any], start_s: float | None) -> Iterator[tuple[float, Samples]]:
    """Samples in blocks, each with the time stamp at which the track was last heard."""
    mono, skip, first, end_s, expected_s = MonoResampler(), 0, True, 0.0, start_s
    for frame in frames:
        time_s = end_s if frame.time is None else float(frame.time)
        late_s = 0.0 if expected_s is None else time_s - expected_s
        end_s = time_s + frame.samples / frame.sample_rate
        if first:
            skip = round(max(0.0, -late_s) * SAMPLE_RATE_HZ)
        blocks = [*mono.flush(), *_silence(late_s)] if (late_s > 0 and first) or late_s > _GAP_S else []
        for samples in [*blocks, *mono(frame)]:
            yield end_s, samples[skip:]
            skip = max(0, skip - len(samples))
        first, expected_s = False, None if expected_s is None else end_s
    for samples in mono.flush():
        yield end_s, samples[skip:]
        skip = max(0, skip - len(samples))


def _silence(duration_s: float) -> Iterator[Samples]:
    count = round(duration_s * SAMPLE_RATE_HZ)
    for start in range(0, count, SAMPLE_RATE_HZ):
        yield np.zeros(min(SAMPLE_RATE_HZ, count - start), np.float32)


class MonoResampler:
    """Decoded frames to mono at 16 kHz; the rate and the channels may change on the way.

    FFmpeg's own mixing to mono adds the channels up (two equal ones become 1.4 times as loud, eight
    4.4 times), so the mean is taken here.
    """

    def __init__(self) -> None:
        self._resampler: Any = None
        self._kind: tuple[Any, ...] = ()

    def __call__(self, frame: Any) -> list[Samples]:
        """The samples that a decoded frame made ready, in pieces."""
        kind = (frame.sample_rate, frame.layout.name, frame.format.name)
        flushed = self.flush() if kind != self._kind else []
        if self._resampler is None:
            self._resampler = av.AudioResampler(format=_INTERLEAVED, rate=SAMPLE_RATE_HZ)
            self._kind = kind
        return [*flushed, *(_mean(resampled) for resampled in self._resampler.resample(frame))]

    def flush(self) -> list[Samples]:
        """What the resampler still holds back."""
        if self._resampler is None:
            return []
        rest = [_mean(resampled) for resampled in self._resampler.resample(None)]
        self._resampler = None
        return rest


def _mean(frame: Any) -> Samples:
    interleaved = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    return np.ascontiguousarray(interleaved.mean(axis=1, dtype=np.float32))
