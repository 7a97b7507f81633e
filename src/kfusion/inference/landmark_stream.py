"""A streamed voice to landmark frames: the same frames however the sound is cut.

The network runs on a fixed grid of blocks of 100 ms. Its position table ends, and a network that was trained on
clips of a few seconds must not remember hours, so a new run starts every 10 s: it listens for 2 s beside the old
one, and the frames fade from the old to the new.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ, Samples, as_samples
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.emotion.expression import expression_layer
from kfusion.errors import InputError
from kfusion.inference.delivery import stream_leads_ms
from kfusion.inference.expressiveness import motion_scaler
from kfusion.inference.identity import Identity
from kfusion.inference.stream_bundle import StreamBundle, StreamRun
from kfusion.inference.windows import fade_in
from kfusion.landmarks import POINT_COUNT, LandmarkSequence, Points, frame_count, unit_frame

HOP_BLOCKS, OVERLAP_BLOCKS = 100, 20
"""A new run starts every 10 s, and two runs are heard for 2 s."""
_ROUNDING = 1e-6
"""Of a frame: products of frame rates are not exact."""


class Stream:
    """Animates a face with a voice while it speaks; made by `Generator.stream`.

    Frame t, at t / fps after the first sample, shows the face then, or at the moment that is `lead_ms` later. Not for
    use by several threads at once; different streams of one model may run in different threads.
    """

    def __init__(
        self,
        bundle: StreamBundle,
        identity: Identity,
        *,
        fps: float,
        labels: tuple[int, int],
        lead_ms: float = 0,
        expressiveness: float = 1,
    ) -> None:
        self.fps = float(fps)
        self.lead_ms = float(lead_ms)
        """How much earlier than the sound the lips are."""
        self.coordinates = identity.coordinates
        """The coordinate frame of the points: `image`, or `crop` for the mean face."""
        self._card = bundle.card
        to_unit = unit_frame(identity.points)
        face = to_unit(identity.points)
        self._place = to_unit.inverse()
        self._express = motion_scaler(lambda: bundle.silent(face, labels), expressiveness)
        self._emote = expression_layer(face, labels, bundle.card.emotions)
        self._relay = _Relay(bundle, face, labels)
        self._rate = _Rate(self._card.fps, self.fps, self.lead_ms / 1000)
        self._held = np.zeros(self._card.samples_before, np.float32)
        """The sound from `samples_before` before the next block on."""
        self._heard = 0
        self._ended = False

    @property
    def model(self) -> str:
        """Id of the model."""
        return self._card.model_id

    @property
    def look_ahead_s(self) -> float:
        """Seconds of sound after a frame's instant that must have come before the frame does, at most.

        The first frame is the model's first whatever the lead; with a lead below 0 those after it come sooner.
        """
        first_s = self._card.look_ahead_s
        return max(first_s, (self._card.latest_s if self._rate.between else first_s) + self.lead_ms / 1000)

    @property
    def leads_ms(self) -> tuple[int, int]:
        """The lowest and the highest `lead_ms` that the look-ahead of this model's streams allows."""
        return stream_leads_ms(self._card)

    @property
    def missing_samples(self) -> int:
        """How many samples the network still waits for: a push of fewer does no work to speak of."""
        return self._card.window_samples - len(self._held)

    @property
    def heard_s(self) -> float:
        """Seconds of sound that were pushed."""
        return self._heard / SAMPLE_RATE_HZ

    def push(self, samples: NDArray[Any]) -> LandmarkSequence:
        """The frames that became ready, maybe none.

        Args:
            samples: the next sound, (N,), mono at 16 kHz; floats with full scale 1, or int16.

        Raises:
            InputError: the samples cannot be used, which leaves the stream as it was; or the stream has ended.
        """
        self._check_open()
        sound = checked_sound(samples)
        self._heard += len(sound)
        self._held = np.concatenate([self._held, sound])
        return self._sequence(self._rate(self._ready(), frame_count(self.heard_s, self.fps)))

    def flush(self) -> LandmarkSequence:
        """The frames of the sound that is left, the last partial one too; the stream has then ended.

        Raises:
            InputError: the stream has ended already.
        """
        self._check_open()
        self._ended = True
        missing = frame_count(self.heard_s, self._card.fps) - self._relay.blocks * self._card.block_frames
        blocks = -(-missing // self._card.block_frames)
        needed = (blocks - 1) * BLOCK_SAMPLES + self._card.window_samples if blocks else 0
        self._held = np.pad(self._held, (0, max(0, needed - len(self._held))))
        return self._sequence(self._rate(self._ready()[:missing], frame_count(self.heard_s, self.fps), ended=True))

    def _check_open(self) -> None:
        if self._ended:
            raise InputError("the stream has ended: start another with `model.stream()`")

    def _ready(self) -> Points:
        """The frames (n, 68, 2), at the model's rate, of every block whose sound is there."""
        window, frames = self._card.window_samples, [np.zeros((0, POINT_COUNT, 2), np.float32)]
        while len(self._held) >= window:
            frames.append(self._place(self._emote(self._express(self._relay(self._held[:window])))))
            self._held = self._held[BLOCK_SAMPLES:]
        return np.concatenate(frames)

    def _sequence(self, points: Points) -> LandmarkSequence:
        return LandmarkSequence(
            points=points,
            fps=self.fps,
            coordinates=self.coordinates,
            model=self.model,
            source="stream",
            first_frame=self._rate.given - len(points),
        )


class _Relay:
    """Runs of the network that take over from one another."""

    def __init__(self, bundle: StreamBundle, identity: Points, labels: tuple[int, int]) -> None:
        self.blocks = 0
        """How many were given."""
        self._start: Callable[[], StreamRun] = lambda: bundle.start(identity, labels)
        self._runs: list[StreamRun] = []
        self._weights = fade_in(OVERLAP_BLOCKS * bundle.card.block_frames).reshape(OVERLAP_BLOCKS, -1, 1, 1)

    def __call__(self, window: Samples) -> Points:
        """The next block's frames, unit frame."""
        place = self.blocks % HOP_BLOCKS
        if place == 0:
            self._runs.append(self._start())
        points = [run(window) for run in self._runs]
        self.blocks += 1
        if len(points) == 1:
            return points[0]
        if place == OVERLAP_BLOCKS - 1:
            del self._runs[0]
        new = self._weights[place]
        mixed: Points = ((1 - new) * points[0] + new * points[1]).astype(np.float32)
        return mixed


class _Rate:
    """Frames at the model's rate to frames at another, `lead_s` later, linear in between.

    Before the first frame and after the last one the face stands still.
    """

    def __init__(self, model_fps: int, fps: float, lead_s: float) -> None:
        self.given = 0
        """How many frames were given."""
        self._ratio, self._shift = model_fps / fps, lead_s * model_fps
        self._first = 0
        self._held = np.zeros((0, POINT_COUNT, 2), np.float32)
        """The model's frames from number `first` on."""

    @property
    def between(self) -> bool:
        """Whether frames stand between two of the model's."""
        return self._ratio != 1 or abs(self._shift - round(self._shift)) > _ROUNDING

    def __call__(self, points: Points, heard: int, *, ended: bool = False) -> Points:
        """The frames that became ready with `points` (n, 68, 2).

        Args:
            points: the model's next frames.
            heard: how many frames the sound has until now; no more are given.
            ended: nothing follows, so that all of them are given.
        """
        held = np.concatenate([self._held, points])
        last = self._first + len(held) - 1
        ready = math.floor((last - self._shift) / self._ratio + _ROUNDING) + 1 if len(held) else 0
        count = heard if ended else max(self.given, min(ready, heard))
        place = np.clip(np.arange(self.given, count) * self._ratio + self._shift, 0, last)
        before = np.floor(place + _ROUNDING).astype(int)
        share = np.maximum(place - before, 0).astype(np.float32)[:, None, None]
        after = np.minimum(before + 1, last)
        given: Points = held[before - self._first] * (1 - share) + held[after - self._first] * share
        self.given = count
        following = math.floor(count * self._ratio + self._shift + _ROUNDING)
        drop = min(max(0, following - self._first), max(0, len(held) - 1))
        self._first, self._held = self._first + drop, held[drop:]
        return given


def checked_sound(samples: NDArray[Any]) -> Samples:
    """Sound for a stream as float32.

    Raises:
        InputError: it is not mono, neither floats nor int16, or not finite.
    """
    sound = as_samples(samples, int16=True)
    if not np.isfinite(sound).all():
        raise InputError(f"sample {int(np.argmin(np.isfinite(sound)))} is not a finite number: pass sound without NaN")
    return sound
