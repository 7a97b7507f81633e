"""Visemes with times from sound alone: which of the 15 mouths of OVR and OpenXR is seen when, for 2-D and 3-D avatars.

    PP p b m    FF f v    TH th    DD t d    kk k g h    CH ch j sh zh    SS s z    nn n ng l    RR r er
    aa father trap    E dress strut, and the vowel of "the"    I kit fleece yes    O thought    U goose foot we    sil

A diphthong is two of them. `read_visemes` hears a recording, `VisemeStream` a voice that is still speaking.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.errors import InputError
from kfusion.inference.landmark_stream import checked_sound
from kfusion.inference.recording import AudioLike, Gauge, name_of, read_recording
from kfusion.landmarks import frame_count
from kfusion.motion.viseme_bundle import BLOCK_STEPS, STEP_HZ, VisemeRun, packaged_visemes

VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
"""In the order of XR_FACE_TRACKING_VISEME_COUNT_META; OpenXR spells the last three ih, oh, ou."""
RHUBARB_SHAPES = dict(zip(VISEMES, "XAGBBBBBBEDCBEF", strict=True))
"""Viseme -> mouth of Rhubarb Lip Sync. H, for a long l, is never told."""
PRESTON_BLAIR = {"A": "MBP", "B": "etc", "C": "E", "D": "AI", "E": "O", "F": "U", "G": "FV", "H": "L", "X": "rest"}
"""Rhubarb's mouth -> its name in the series of Preston Blair."""
_TEETH = ("ih", 0.3)
VRM_VOWELS = {
    **dict.fromkeys(("TH", "DD", "kk", "SS", "nn"), _TEETH),
    **dict.fromkeys(("CH", "RR"), ("ou", 0.3)),
    **{name: (vowel, 1.0) for name, vowel in zip(VISEMES[-5:], ("aa", "ee", "ih", "oh", "ou"), strict=True)},
}
"""Viseme -> expression of VRM 1.0 and how much of it; sil, PP and FF have none, as their lips touch."""
CHANGE_COST = 2.0
"""What the path through the visemes pays for each change, in log-odds: shorter flickers are none."""
_LEAST = 1e-6

VisemeWeights = NDArray[np.float32]
"""Probabilities, (T, 15), each row adds up to 1, in the order of `VISEMES`."""


class Cue(NamedTuple):
    """A stretch of time with one mouth."""

    start_s: float
    end_s: float
    viseme: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VisemeTrack:
    """What the mouth does through a recording."""

    steps: VisemeWeights
    """At 50 Hz: step i stands at i / 50 s."""
    duration_s: float
    source: str
    """What was heard."""

    def earlier(self, lead_ms: float) -> "VisemeTrack":
        """The same, shown so much before the sound, or after it where below 0; both ends are held."""
        place = np.clip(np.arange(len(self.steps)) + lead_ms * STEP_HZ / 1000, 0, len(self.steps) - 1)
        return replace(self, steps=self._between(place))

    def cues(self) -> list[Cue]:
        """The visemes one after the other: they touch, the first starts at 0 and the last ends with the sound."""
        path = _best_path(np.log(np.maximum(self.steps, _LEAST)))
        edges = (np.flatnonzero(np.diff(path)) + 0.5) / STEP_HZ
        edges_s = [0.0, *(float(edge) for edge in edges if edge < self.duration_s), self.duration_s]
        names = [VISEMES[next(group)] for _, group in groupby(path)]
        return [Cue(start, end, name) for start, end, name in zip(edges_s[:-1], edges_s[1:], names, strict=False)]

    def weights(self, fps: float) -> VisemeWeights:
        """Frame t shows the mouth at t / fps, as many frames as landmarks of this sound have.

        Raises:
            InputError: the frame rate is not above 0.
        """
        if not 0 < fps < np.inf:
            raise InputError(f"fps is {fps:g}: use a number above 0")
        place = np.minimum(np.arange(frame_count(self.duration_s, fps)) / fps * STEP_HZ, len(self.steps) - 1)
        return self._between(place)

    def _between(self, place: NDArray[np.float64]) -> VisemeWeights:
        before = place.astype(int)
        share = (place - before)[:, None].astype(np.float32)
        after = np.minimum(before + 1, len(self.steps) - 1)
        mixed: VisemeWeights = self.steps[before] * (1 - share) + self.steps[after] * share
        return mixed


def read_visemes(audio: AudioLike, *, allow_silence: bool = False, track: int | None = None) -> VisemeTrack:
    """The visemes of a recording; apart from them, memory does not grow with its length.

    Args:
        audio: any audio or video file FFmpeg reads, or mono samples (N,) at 16 kHz, full scale 1.
        allow_silence: hear a silent file instead of refusing it. Silent arrays are never refused.
        track: which sound track of a file, counted from 1.

    Raises:
        InputError: the recording cannot be used.
    """
    recording = read_recording(audio, track)
    is_array = isinstance(recording.source, np.ndarray)
    gauge = Gauge(name=recording.name, allow_silence=allow_silence or is_array)
    steps = np.concatenate(list(_heard(gauge.watch(recording.blocks()))))
    source = name_of(recording) if isinstance(recording.source, np.ndarray) else str(Path(recording.source).absolute())
    return VisemeTrack(steps=steps, duration_s=gauge.duration_s, source=source)


def _heard(blocks: Iterable[NDArray[Any]]) -> Iterator[VisemeWeights]:
    stream = VisemeStream()
    for block in blocks:
        yield stream.push(block)
    yield stream.flush()


class VisemeStream:
    """Names the visemes of a voice while it speaks, the same ones however the sound is cut."""

    def __init__(self) -> None:
        self._run = VisemeRun(packaged_visemes())
        self._heard = self._given = 0
        self._ended = False

    @property
    def look_ahead_s(self) -> float:
        """Seconds of sound after a step's instant that must have come before the step does, at most."""
        return self._run.look_ahead_s

    def push(self, samples: NDArray[Any]) -> VisemeWeights:
        """The steps (n, 15) at 50 Hz that became ready, maybe none.

        Args:
            samples: the next sound, (N,), mono at 16 kHz; floats with full scale 1, or int16.

        Raises:
            InputError: the samples cannot be used, which leaves the stream as it was; or the stream has ended.
        """
        if self._ended:
            raise InputError("the stream has ended: start another `VisemeStream`")
        sound = checked_sound(samples)
        self._heard += len(sound)
        steps = self._run(sound)
        self._given += len(steps)
        return steps

    def flush(self) -> VisemeWeights:
        """The steps of the sound that is left; the stream has then ended."""
        missing = -(-self._heard * STEP_HZ // SAMPLE_RATE_HZ) - self._given
        blocks = -(-missing // BLOCK_STEPS)
        steps = self.push(np.zeros(self._run.missing_samples(blocks), np.float32))[:missing]
        self._ended = True
        return steps


def _best_path(odds: NDArray[np.float32]) -> NDArray[np.int64]:
    """The most likely class of every step, where each change costs `CHANGE_COST` (Viterbi)."""
    count = len(odds)
    came_from = np.zeros(odds.shape, np.int64)
    score = odds[0]
    for step in range(1, count):
        best = int(score.argmax())
        changes = score[best] - CHANGE_COST > score
        came_from[step] = np.where(changes, best, np.arange(odds.shape[1]))
        score = np.where(changes, score[best] - CHANGE_COST, score) + odds[step]
    path = np.full(count, int(score.argmax()))
    for step in range(count - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path
