"""What `generate` listens to: a file or an array, checked while it streams by."""

import logging
import shutil
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import (
    CLIPPED_LEVEL,
    MIN_DURATION_S,
    SAMPLE_RATE_HZ,
    SILENCE_PEAK,
    Samples,
    as_samples,
    audio_blocks,
    default_track,
)
from kfusion.errors import InputError
from kfusion.media.level import Level
from kfusion.media.opening import open_media
from kfusion.media.pipes import is_pipe, spool

log = logging.getLogger(__name__)

MAX_CLIPPED_SHARE = 0.01
_BLOCK = SAMPLE_RATE_HZ
_MICROSECONDS = 1e6


@dataclass(kw_only=True, slots=True, weakref_slot=True, eq=False)
class Recording:
    """Sound that is read in blocks as often as needed, in constant memory, and spoken of once."""

    source: Path | Samples
    """A file that FFmpeg reads, a pipe, or mono samples at 16 kHz."""
    track: int | None = None
    """Which sound track of a file, counted from 1; None for the default one, or the first that is not silent."""
    _file: Path | None = None
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if isinstance(self.source, np.ndarray):
            self.source = as_samples(self.source)

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return name_of(self.source)

    def blocks(self) -> Iterator[Samples]:
        """The samples in order, mono, 16 kHz."""
        if isinstance(self.source, Path):
            yield from audio_blocks(self._open(self.source), track=self.track, note=self._note)
        else:
            level = Level(self.name)
            for start in range(0, len(self.source), _BLOCK):
                yield level(self.source[start : start + _BLOCK])

    def announced_s(self) -> float | None:
        """The length that the file announces, for a progress bar only; notes a channel count above two.

        Raises:
            InputError: the file is missing, empty, or has no sound.
        """
        if not isinstance(self.source, Path):
            return len(self.source) / SAMPLE_RATE_HZ
        with open_media(self._open(self.source), "audio", self.track) as media:
            self.track = default_track(media, self._note) if self.track is None else self.track
            if media.stream.codec_context.channels > 2:
                self._note("%s: %d channels, mixed to mono", self.source, media.stream.codec_context.channels)
            return float(media.container.duration / _MICROSECONDS) if media.container.duration else None

    def _open(self, source: Path) -> Path:
        """The file to read; what comes through a pipe is kept as long as this lives."""
        if self._file is None:
            file = source
            if is_pipe(source):
                file = spool(source)
                weakref.finalize(self, shutil.rmtree, file.parent, ignore_errors=True)
            self._file = file
        return self._file

    def _note(self, text: str, *arguments: Any) -> None:
        """Tell the user, but not again when it is read once more."""
        told = text % arguments
        if told not in self._told:
            self._told.add(told)
            log.warning("%s", told)


AudioLike: TypeAlias = str | Path | NDArray[Any] | Recording
"""A file that FFmpeg reads, a pipe, or mono samples (N,) at 16 kHz, full scale 1."""


def name_of(audio: AudioLike) -> str:
    """What to call it in a message."""
    if isinstance(audio, Recording):
        return audio.name
    return "samples" if isinstance(audio, np.ndarray) else str(audio)


def read_recording(audio: AudioLike, track: int | None = None) -> Recording:
    """What to listen to; `track` chooses among the sound tracks of a file, counted from 1.

    Raises:
        InputError: samples are not mono sound with full scale at 1.
    """
    if isinstance(audio, Recording):
        return audio
    return Recording(source=audio if isinstance(audio, np.ndarray) else Path(audio), track=track)


@dataclass(kw_only=True, slots=True)
class Gauge:
    """Measures a recording while it streams by, and refuses what cannot be used."""

    name: str
    allow_silence: bool = False
    samples: int = 0
    peak: float = 0.0
    clipped: int = 0

    @property
    def duration_s(self) -> float:
        """What has streamed by."""
        return self.samples / SAMPLE_RATE_HZ

    def watch(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """The blocks unchanged.

        Raises:
            InputError: at the end, the recording was too short or silent.
        """
        for block in blocks:
            self._measure(block)
            yield block
        self._check()

    def _measure(self, block: Samples) -> None:
        level = np.abs(block)
        self.samples += len(block)
        self.peak = max(self.peak, float(level.max(initial=0.0)))
        self.clipped += int(np.count_nonzero(level >= CLIPPED_LEVEL))

    def _check(self) -> None:
        if self.duration_s < MIN_DURATION_S:
            raise InputError(
                f"{self.name}: lasts {self.duration_s:.4g} s: pass a recording of at least {MIN_DURATION_S} s"
            )
        if self.peak < SILENCE_PEAK and not self.allow_silence:
            raise InputError(
                f"{self.name}: is silent ({_level(self.peak)}): record it again, "
                "or pass --allow-silence (allow_silence=True) for a resting face"
            )
        share = self.clipped / self.samples
        if share > MAX_CLIPPED_SHARE:
            log.warning("%s: %.0f %% of the samples are clipped: the mouth may open too far", self.name, 100 * share)


def _level(peak: float) -> str:
    return f"peak {20 * np.log10(peak):.0f} dBFS" if peak > 0 else "every sample is 0"
