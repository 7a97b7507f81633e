"""The ONNX bundle: one file with the network and what is needed to run it.

inputs   samples (1, N) float32 at 16 kHz, identity (1, 68, 2) float32 in the unit frame, emotion (1, 2) int64
output   landmarks (1, T, 68, 2) float32 in the unit frame, T = ceil(N * fps / 16000)
metadata kfusion_format, model_id, fps, window_s, context_s, emotions, precision (float32 where it is not said)
"""

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import MIN_DURATION_S, SAMPLE_RATE_HZ, Samples
from kfusion.bundle_format import INPUTS
from kfusion.errors import CheckpointError
from kfusion.inference.session import Session
from kfusion.landmarks import POINT_COUNT, Points, frame_count

OUTPUT = "landmarks"
MIN_SAMPLES = round(MIN_DURATION_S * SAMPLE_RATE_HZ)
SILENT_SAMPLES = SAMPLE_RATE_HZ
"""Silence in which a face comes to rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleCard:
    """What a bundle says about itself."""

    model_id: str
    fps: int
    """Landmark frames a second."""
    window_s: float
    """Longest piece that is fed at once."""
    context_s: float
    """What a piece shares with its neighbours on each side."""
    emotions: tuple[str, ...]
    """The emotions it was trained with; empty if it was trained without labels."""
    precision: str = "float32"
    """Of the arithmetic on large matrices: `float32` or `int8`."""

    def __post_init__(self) -> None:
        if not 0 < self.fps <= SAMPLE_RATE_HZ or self.context_s < 0 or self.hop_samples <= 0:
            raise ValueError(f"fps {self.fps}, window_s {self.window_s} and context_s {self.context_s} do not fit")

    @property
    def window_samples(self) -> int:
        """Length of a window, whole samples and whole frames."""
        return self._whole(self.window_s)

    @property
    def hop_samples(self) -> int:
        """From the start of one window to the start of the next, whole samples and whole frames."""
        return self._whole(self.window_s) - self._whole(2 * self.context_s)

    @property
    def hop_frames(self) -> int:
        """`hop_samples` in frames."""
        return self.frames(self.hop_samples)

    @property
    def overlap_frames(self) -> int:
        """What two neighbouring windows share, in frames."""
        return self.frames(self.window_samples - self.hop_samples)

    def frames(self, samples: int) -> int:
        """How many frames show `samples` samples, the last partial one too."""
        return frame_count(samples / SAMPLE_RATE_HZ, self.fps)

    def _whole(self, duration_s: float) -> int:
        step = SAMPLE_RATE_HZ // gcd(SAMPLE_RATE_HZ, self.fps)
        return int(round(duration_s * SAMPLE_RATE_HZ) // step) * step


class Bundle:
    """A network for recordings that is ready to run.

    Raises:
        CheckpointError: the file's inputs or metadata are not those of such a bundle.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.card = _read_card(session)

    def __call__(self, samples: Samples, identity: Points, emotion: tuple[int, int]) -> Points:
        """Landmarks (T, 68, 2) in the unit frame, for one piece of sound and an identity (68, 2) in the unit frame."""
        feed: dict[str, NDArray[Any]] = {
            "samples": _at_least(samples, MIN_SAMPLES)[None],
            "identity": identity[None].astype(np.float32),
            "emotion": np.array([emotion], np.int64),
        }
        points = np.asarray(self._session.run([OUTPUT], feed)[0][0], np.float32)
        frames = self.card.frames(len(samples))
        return self._session.check_points(points[:frames], (frames, POINT_COUNT, 2))

    def silent(self, identity: Points, emotion: tuple[int, int]) -> Points:
        """The frames (T, 68, 2) of a second of silence, unit frame."""
        return self(np.zeros(SILENT_SAMPLES, np.float32), identity, emotion)


def _read_card(session: Session) -> BundleCard:
    if set(session.inputs) != set(INPUTS):
        raise CheckpointError(
            f"{session.path}: an ONNX file, but not a kfusion bundle: pass one that `kfusion export` wrote"
        )
    with session.reading() as metadata:
        return BundleCard(
            model_id=metadata["model_id"],
            fps=int(metadata["fps"]),
            window_s=float(metadata["window_s"]),
            context_s=float(metadata["context_s"]),
            emotions=session.emotions,
            precision=session.precision,
        )


def _at_least(samples: Samples, count: int) -> Samples:
    return np.pad(samples, (0, max(0, count - len(samples)))).astype(np.float32)
