"""What `generate` listens to: a file or an array, checked while it streams by."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from kfusion.audio import CLIPPED_LEVEL, MIN_DURATION_S, SAMPLE_RATE_HZ, SILENCE_PEAK, Samples, audio_blocks
from kfusion.errors import InputError
from kfusion.media.opening import open_media

log = logging.getLogger(__name__)

MAX_CLIPPED_SHARE = 0.01
_BLOCK = SAMPLE_RATE_HZ


@dataclass(kw_only=True, slots=True)
class Recording:
    """Sound that is read in blocks as often as needed, in constant memory."""

    source: Path | Samples
    """A file that FFmpeg reads, or mono samples at 16 kHz."""

    def __post_init__(self) -> None:
        if isinstance(self.source, np.ndarray):
            self.source = _checked_array(self.source)

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return str(self.source) if isinstance(self.source, Path) else "samples"

    def blocks(self) -> Iterator[Samples]:
        """The samples in order, mono, 16 kHz."""
        if isinstance(self.source, Path):
            yield from audio_blocks(self.source)
        else:
            for start in range(0, len(self.source), _BLOCK):
                yield self.source[start : start + _BLOCK]

    def announced_s(self) -> float | None:
        """The length that the file announces, for a progress bar only; notes a channel count above two.

        Raises:
            InputError: the file is missing, empty, or has no sound.
        """
        if not isinstance(self.source, Path):
            return len(self.source) / SAMPLE_RATE_HZ
        with open_media(self.source, "audio") as media:
            if media.stream.codec_context.channels > 2:
                log.warning("%s: %d channels, mixed to mono", self.source, media.stream.codec_context.channels)
            return float(media.container.duration / av.time_base) if media.container.duration else None


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
            InputError: a sample is not a finite number; at the end, the recording was too short or silent.
        """
        for block in blocks:
            self._measure(block)
            yield block
        self._check()

    def _measure(self, block: Samples) -> None:
        finite = np.isfinite(block)
        if not finite.all():
            where_s = (self.samples + int(np.argmin(finite))) / SAMPLE_RATE_HZ
            raise InputError(f"{self.name}: the sample at {where_s:.3f} s is not a finite number: export it again")
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
                f"{self.name}: is silent (peak {_dbfs(self.peak)} dBFS): record it again, "
                "or pass --allow-silence (allow_silence=True) for a resting face"
            )
        share = self.clipped / self.samples
        if share > MAX_CLIPPED_SHARE:
            log.warning("%s: %.0f %% of the samples are clipped: the mouth may open too far", self.name, 100 * share)


def _checked_array(samples: NDArray[Any]) -> Samples:
    if samples.ndim != 1:
        raise InputError(f"samples have shape {samples.shape}: pass mono sound at 16 kHz of shape (N,)")
    if not np.issubdtype(samples.dtype, np.floating):
        raise InputError(f"samples are {samples.dtype}: pass floats with full scale at 1 (int16 divided by 32768)")
    return samples.astype(np.float32, copy=False)


def _dbfs(peak: float) -> str:
    return f"{20 * np.log10(peak):.0f}" if peak > 0 else "-inf"
