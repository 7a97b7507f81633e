"""The stream bundle: a network that takes a voice in blocks of 100 ms and remembers what came before.

inputs   samples (1, W) float32 at 16 kHz, identity (1, 68, 2) float32 in the unit frame, emotion (1, 2) int64,
         seen (1,) int64, the blocks since the start, past_0 ... float32, zeros at the start
outputs  landmarks (1, 3, 68, 2) float32 in the unit frame, kept_0 ..., the states for the block that follows
metadata kfusion_format, kind ("live"), model_id, fps, samples_before, look_ahead_samples, emotions,
         precision (float32 where it is not said)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.bundle_format import BLOCK_SAMPLES, STREAM_INPUTS
from kfusion.errors import CheckpointError
from kfusion.inference.bundle import SILENT_SAMPLES
from kfusion.inference.session import Session
from kfusion.landmarks import POINT_COUNT, Points


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamCard:
    """What a stream bundle says about itself."""

    model_id: str
    fps: int
    """Landmark frames a second."""
    samples_before: int
    """Samples before a block that the network is given."""
    look_ahead_samples: int
    """Samples from the start of a block on that the network is given."""
    emotions: tuple[str, ...]
    """The emotions it was trained with; empty if it was trained without labels."""
    precision: str = "float32"
    """Of the arithmetic on large matrices: `float32` or `int8`."""

    def __post_init__(self) -> None:
        if self.fps < 1 or (self.fps * BLOCK_SAMPLES) % SAMPLE_RATE_HZ:
            raise ValueError(f"fps {self.fps} gives no whole number of frames in a block of 100 ms")
        if self.samples_before < 0 or self.look_ahead_samples < BLOCK_SAMPLES:
            raise ValueError(f"samples_before {self.samples_before}, look_ahead_samples {self.look_ahead_samples}")

    @property
    def window_samples(self) -> int:
        """What the network is given for one block."""
        return self.samples_before + self.look_ahead_samples

    @property
    def look_ahead_s(self) -> float:
        """Seconds of sound after a frame's instant that the network is given before it gives the frame, at most."""
        return self.look_ahead_samples / SAMPLE_RATE_HZ

    @property
    def latest_s(self) -> float:
        """The same of an instant between two frames."""
        return self.look_ahead_s + 1 / self.fps

    @property
    def block_frames(self) -> int:
        """Frames of a block."""
        return self.fps * BLOCK_SAMPLES // SAMPLE_RATE_HZ


class StreamBundle:
    """A network for streams that is ready to run.

    Raises:
        CheckpointError: the file's inputs or metadata are not those of such a bundle.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._states = {name: shape for name, shape in session.inputs.items() if name not in STREAM_INPUTS}
        self.card = _read_card(session)

    def start(self, identity: Points, emotion: tuple[int, int]) -> "StreamRun":
        """A run from the beginning of a sound; `identity` (68, 2) is in the unit frame."""
        return StreamRun(self, identity, emotion)

    def silent(self, identity: Points, emotion: tuple[int, int]) -> Points:
        """The frames (T, 68, 2) of a second of silence, unit frame."""
        run, silence = self.start(identity, emotion), np.zeros(self.card.window_samples, np.float32)
        return np.concatenate([run(silence) for _ in range(SILENT_SAMPLES // BLOCK_SAMPLES)])

    def first_states(self) -> dict[str, NDArray[np.float32]]:
        """The states before any sound."""
        return {name: np.zeros(shape, np.float32) for name, shape in self._states.items()}

    def step(self, feed: dict[str, NDArray[Any]]) -> tuple[Points, list[NDArray[np.float32]]]:
        """The frames of one block, and the states after it."""
        landmarks, *states = self._session.run(None, feed)
        return self._session.check_points(landmarks[0], (self.card.block_frames, POINT_COUNT, 2)), states


class StreamRun:
    """One voice through a stream bundle."""

    def __init__(self, bundle: StreamBundle, identity: Points, emotion: tuple[int, int]) -> None:
        self._bundle = bundle
        self._inputs: dict[str, NDArray[Any]] = {
            "identity": identity[None].astype(np.float32),
            "emotion": np.array([emotion], np.int64),
        }
        self._states = bundle.first_states()
        self._seen = 0

    def __call__(self, window: Samples) -> Points:
        """The next block's frames (3, 68, 2), unit frame, from its `window_samples` samples."""
        feed = {**self._inputs, **self._states, "samples": window[None], "seen": np.array([self._seen])}
        points, states = self._bundle.step(feed)
        self._states = dict(zip(self._states, states, strict=True))
        self._seen += 1
        return points


def _read_card(session: Session) -> StreamCard:
    if tuple(session.inputs)[: len(STREAM_INPUTS)] != STREAM_INPUTS:
        raise CheckpointError(f"{session.path}: not a stream bundle of kfusion: pass one that `kfusion export` wrote")
    with session.reading() as metadata:
        return StreamCard(
            model_id=metadata["model_id"],
            fps=int(metadata["fps"]),
            samples_before=int(metadata["samples_before"]),
            look_ahead_samples=int(metadata["look_ahead_samples"]),
            emotions=session.emotions,
            precision=session.precision,
        )
