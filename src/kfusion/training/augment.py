"""Other voices, rooms and levels from the recordings there are."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ, Samples

FORMANT_RANGE = (0.8, 1.35)
"""Factor on pitch and formants together: shorter and longer vocal tracts."""
SPEED_RANGE = (0.85, 1.2)
GAIN_RANGE_DB = (-18.0, 6.0)
SNR_RANGE_DB = (8.0, 40.0)
TILT_RANGE_DB = (-6.0, 6.0)
"""Gain of the treble over the bass, as microphones differ."""
MUTED_NOISE_DBFS = (-90.0, -45.0)
ATEMPO_TEMPOS = (0.63, 0.76, 0.85, 0.95, 1.0, 1.03, 1.1, 1.2, 1.3, 1.5)
ATEMPO_DELAYS_MS = (-22.0, -18.0, -16.0, -10.0, -6.0, 3.0, 6.0, 8.0, 9.0, 8.0)
"""How late FFmpeg's atempo was measured to be on speech, the median of seven recordings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceChange:
    """What is done to one recording."""

    formant: float = 1.0
    speed: float = 1.0
    gain_db: float = 0.0
    snr_db: float | None = None
    tilt_db: float = 0.0

    @classmethod
    def draw(cls, random: np.random.Generator) -> "VoiceChange":
        """A random change, each part uniform over its range (factors on a logarithmic scale)."""
        return cls(
            formant=float(np.exp(random.uniform(*np.log(FORMANT_RANGE)))),
            speed=float(np.exp(random.uniform(*np.log(SPEED_RANGE)))),
            gain_db=float(random.uniform(*GAIN_RANGE_DB)),
            snr_db=float(random.uniform(*SNR_RANGE_DB)) if random.random() < 0.7 else None,
            tilt_db=float(random.uniform(*TILT_RANGE_DB)),
        )

    def apply(self, samples: Samples, random: np.random.Generator) -> Samples:
        """The changed recording, `len(samples) / speed` long."""
        wanted = round(len(samples) / self.speed)
        changed: NDArray[np.floating] = _on_time(_filtered(samples, self._filters()), self.speed / self.formant, wanted)
        if self.snr_db is not None:
            level = _rms(changed) * 10 ** (-self.snr_db / 20)
            changed = changed + level * coloured_noise(wanted, random)
        return (changed * 10 ** (self.gain_db / 20)).clip(-1, 1).astype(np.float32)

    def _filters(self) -> list[tuple[str, str]]:
        filters = [
            ("asetrate", str(round(SAMPLE_RATE_HZ * self.formant))),
            ("aresample", str(SAMPLE_RATE_HZ)),
            ("atempo", f"{self.speed / self.formant:.6f}"),
        ]
        if self.tilt_db:
            filters.append(("treble", f"gain={self.tilt_db:.3f}:frequency=2000"))
        return filters


def muted(count: int, random: np.random.Generator) -> Samples:
    """A shot without speech: digital silence, or the quiet noise of a room."""
    if random.random() < 0.4:
        return np.zeros(count, np.float32)
    level = 10 ** (random.uniform(*MUTED_NOISE_DBFS) / 20)
    return (level * coloured_noise(count, random)).astype(np.float32)


def coloured_noise(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Noise of unit power whose spectrum falls by a random power of the frequency, white to brown."""
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ), 50.0)
    noise = np.fft.irfft(spectrum * frequency ** -random.uniform(0, 1), count)
    return noise / max(_rms(noise), 1e-12)


def _on_time(changed: Samples, tempo: float, wanted: int) -> Samples:
    """`wanted` samples, with the delay of FFmpeg's atempo taken out."""
    late = round(float(np.interp(tempo, ATEMPO_TEMPOS, ATEMPO_DELAYS_MS)) * SAMPLE_RATE_HZ / 1000)
    moved = changed[late:] if late > 0 else np.pad(changed, (-late, 0))
    return np.pad(moved[:wanted], (0, max(0, wanted - len(moved))))


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _filtered(samples: Samples, filters: list[tuple[str, str]]) -> Samples:
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=SAMPLE_RATE_HZ, format="flt", layout="mono", time_base=Fraction(1, SAMPLE_RATE_HZ)
    )
    form = graph.add("aformat", "sample_fmts=flt:channel_layouts=mono")
    sink = graph.add("abuffersink")
    nodes = [source, *(graph.add(name, arguments) for name, arguments in filters), form, sink]
    for before, after in pairwise(nodes):
        before.link_to(after)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    frame.pts = 0
    graph.push(frame)
    graph.push(None)
    blocks = []
    while True:
        try:
            pulled = sink.pull()
            assert isinstance(pulled, av.AudioFrame)
            blocks.append(pulled.to_ndarray()[0])
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
